// The settings of a request: size, number, seed and the rest, offered as far as every chosen model takes them.
// @ts-check

import { find, make } from "./dom.js";

/** @import { Abilities, Ability, Chosen } from "./types.js" */

/** What the fields are called in requests. */
const FIELDS = { quality: "quality", background: "background", format: "output_format" };
const NAMES = /** @type {const} */ (["quality", "background", "format"]);
const FREE = "As the model likes";
const MOST_SEED = 2 ** 31 - 1;

/**
 * Whether a model takes a size; where it is not known what it takes, its price's reason will say.
 * @param {string} size
 * @param {Ability | undefined} ability
 */
export function takes(size, ability) {
  if (ability?.type === "enum") return ability.values.includes(size);
  if (ability?.type !== "boolean") return false;
  const [width, height] = size.split("x").map(Number);
  const { multiple = 1, min_side = 1, max_side = Infinity, min_pixels = 1, max_pixels = Infinity, max_ratio = Infinity } = ability.bounds ?? {};
  const fits = [width, height].every((side) => side % multiple === 0 && side >= min_side && side <= max_side);
  const pixels = width * height;
  return fits && pixels >= min_pixels && pixels <= max_pixels && Math.max(width, height) / Math.min(width, height) <= max_ratio;
}

/** The fields of the form that say how a picture is to be. */
export class Settings {
  #size = find("#size", HTMLSelectElement);
  #sides = find("#sides", HTMLElement);
  #width = find("#width", HTMLInputElement);
  #height = find("#height", HTMLInputElement);
  #n = find("#n", HTMLInputElement);
  #seed = find("#seed", HTMLInputElement);
  #previews = find("#previews", HTMLInputElement);
  /** Sizes with names of their own. @type {Map<string, string>} */
  #named = new Map();

  /** @param {() => void} changed */
  constructor(changed) {
    for (const { value, text } of this.#size.options) if (value.includes("x")) this.#named.set(value, text);
    this.#size.addEventListener("change", () => this.#showSides());
    find("#dice", HTMLButtonElement).addEventListener("click", () => {
      this.seed = drawn();
      changed();
    });
    this.#showSides();
  }

  /** @returns {Chosen} For a request, and to be remembered. */
  get values() {
    const seed = this.#seed.value.trim();
    return {
      size: this.size,
      n: Math.min(Math.max(Math.trunc(Number(this.#n.value)) || 1, 1), 10),
      seed: seed === "" ? null : Math.max(Math.trunc(Number(seed)) || 0, 0),
      quality: this.#select("quality").value,
      background: this.#select("background").value,
      format: this.#select("format").value,
      previews: this.#previews.checked,
    };
  }

  /** @param {Partial<Chosen>} values As they were remembered. */
  set values(values) {
    if (values.size !== undefined) this.size = values.size;
    if (values.n !== undefined) this.#n.value = String(values.n);
    if (values.seed !== undefined) this.seed = values.seed;
    if (values.previews !== undefined) this.#previews.checked = values.previews;
    for (const name of NAMES) {
      const value = values[name];
      if (value) this.#select(name).replaceChildren(option("", FREE), option(value, value, true));
    }
  }

  get size() {
    if (this.#size.value !== "other") return this.#size.value;
    return `${Math.trunc(Number(this.#width.value)) || 0}x${Math.trunc(Number(this.#height.value)) || 0}`;
  }

  set size(size) {
    const [width, height] = size.split("x");
    this.#size.value = [...this.#size.options].some((one) => one.value === size) ? size : "other";
    if (height !== undefined) [this.#width.value, this.#height.value] = [width, height];
    this.#showSides();
  }

  /** @param {number | null} seed */
  set seed(seed) {
    this.#seed.value = seed === null ? "" : String(seed);
  }

  /**
   * Leave what every one of these models takes. What is chosen stays, so that nothing changes unasked.
   * @param {Abilities[]} several
   */
  offer(several) {
    if (several.length === 0) return;
    this.#offerSizes(several.map((abilities) => abilities.size));
    const shown = NAMES.map((name) => this.#offerValues(name, several.map((abilities) => abilities[FIELDS[name]])));
    const previews = several.some((abilities) => "partial_images" in abilities);
    find("label[for=previews]", HTMLElement).hidden = !previews;
    find("#more", HTMLElement).hidden = !previews && !shown.includes(true);
  }

  /** @param {(Ability | undefined)[]} abilities */
  #offerSizes(abilities) {
    const chosen = this.size;
    const listed = abilities.flatMap((ability) => (ability?.type === "enum" ? ability.values : [])).filter((size) => size.includes("x"));
    const sizes = [...new Set([...this.#named.keys(), ...listed])].filter((size) => abilities.every((ability) => takes(size, ability)));
    const free = abilities.some((ability) => ability?.type === "boolean") || (chosen !== "" && !sizes.includes(chosen));
    const options = sizes.map((size) => option(size, this.#named.get(size) ?? size.replace("x", " × ")));
    this.#size.replaceChildren(option("", FREE), ...options, ...(free ? [option("other", "Another size")] : []));
    this.size = chosen;
  }

  /**
   * @param {string} name
   * @param {(Ability | undefined)[]} abilities
   * @returns {boolean} Whether there is anything to choose.
   */
  #offerValues(name, abilities) {
    const select = this.#select(name);
    const lists = abilities.map((ability) => (ability?.type === "enum" ? ability.values : []));
    const common = lists[0].filter((value) => value !== "auto" && lists.every((list) => list.includes(value)));
    const chosen = select.value;
    if (chosen !== "" && !common.includes(chosen)) common.push(chosen);
    select.replaceChildren(option("", FREE), ...common.map((value) => option(value, value, value === chosen)));
    find(`label[for=${name}]`, HTMLElement).hidden = common.length === 0;
    return common.length > 0;
  }

  #showSides() {
    this.#sides.hidden = this.#size.value !== "other";
  }

  /** @param {string} name */
  #select(name) {
    return find(`#${name}`, HTMLSelectElement);
  }
}

export const drawn = () => Math.floor(Math.random() * MOST_SEED);

/**
 * @param {string} value
 * @param {string} words
 * @param {boolean} selected
 */
const option = (value, words, selected = false) => make("option", { value, selected }, words);
