// What the playground's modules hand each other, in types; nothing of it runs.
// @ts-check

/**
 * A picture that others are made from.
 * @typedef {object} Reference
 * @property {Blob} file
 * @property {string} name
 * @property {number} width Pixels, as stored: a camera's turning mark is not followed.
 * @property {number} height
 * @property {string | null} digest Of one that this gateway keeps.
 * @property {string} address Of the browser's copy.
 */

/**
 * How pictures are to be.
 * @typedef {object} Chosen
 * @property {string} size Pixels; empty: as the model likes.
 * @property {string} quality
 * @property {string} background
 * @property {string} format
 * @property {number} n
 * @property {number | null} seed
 * @property {boolean} previews
 */

/** @typedef {Chosen & { prompt: string, references: Reference[], mask: Blob | null }} Wish What is asked of every chosen model. */

/** @typedef {{ multiple?: number, min_side?: number, max_side?: number, min_pixels?: number, max_pixels?: number, max_ratio?: number }} Bounds */
/** @typedef {{ type: "enum", values: string[] } | { type: "range", min: number, max: number } | { type: "boolean", bounds?: Bounds }} Ability */
/** @typedef {Record<string, Ability>} Abilities What a model takes, as `/api/v1/images/models` tells it. */

/** @typedef {{ slug: string, name: string }} Model */

/**
 * A picture that was made.
 * @typedef {object} Made
 * @property {string} address
 * @property {string} digest
 * @property {number} width
 * @property {number} height
 * @property {string} mediaType
 * @property {number | null} seed
 */

/**
 * What became of a request.
 * @typedef {object} Outcome
 * @property {Made[]} pictures
 * @property {number | null} cost US dollars; null: not known.
 * @property {string[]} failures Why fewer came than were asked for.
 * @property {Record<string, string>} facts
 * @property {string} requestId
 */

/**
 * What a request would cost.
 * @typedef {object} Price
 * @property {boolean} able
 * @property {string} why Where it cannot be done: the reason.
 * @property {number | null} low US dollars.
 * @property {number | null} high
 * @property {boolean} known Whether anybody's price for it is known.
 */

export {};
