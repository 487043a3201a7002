// A wish as requests of the public API: the one that makes the pictures, and the one that asks what they cost.
// @ts-check

/** @import { Abilities, Reference, Wish } from "./types.js" */

/** @typedef {{ path: string, options: RequestInit }} Sent */

const PREVIEWS = 2;

/**
 * The fields of a request, beside its pictures, in the order they are shown.
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 * @returns {Record<string, string | number | boolean>}
 */
export function fieldsOf(model, wish, abilities) {
  /** @type {Record<string, string | number | boolean>} */
  const fields = { model, prompt: wish.prompt };
  if (wish.size !== "") fields.size = wish.size;
  if (wish.quality !== "") fields.quality = wish.quality;
  if (wish.background !== "") fields.background = wish.background;
  if (wish.format !== "") fields.output_format = wish.format;
  if (wish.n !== 1) fields.n = wish.n;
  if (wish.seed !== null) fields.seed = wish.seed;
  if (streams(wish, abilities)) Object.assign(fields, { stream: true, partial_images: PREVIEWS });
  return fields;
}

/**
 * Whether previews are asked for: of one picture, for nobody can say which of several a preview is of.
 * @param {Wish} wish
 * @param {Abilities} abilities
 */
export function streams(wish, abilities) {
  return wish.previews && wish.n === 1 && "partial_images" in abilities;
}

/** @param {Wish} wish */
export const edits = (wish) => wish.references.length > 0;

/** @param {Wish} wish */
export const pathOf = (wish) => (edits(wish) ? "/v1/images/edits" : "/v1/images/generations");

/**
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 * @returns {Sent}
 */
export function requestOf(model, wish, abilities) {
  const fields = { ...fieldsOf(model, wish, abilities), response_format: "url" };
  const files = wish.references.map((reference) => reference.file);
  return { path: pathOf(wish), options: edits(wish) ? form(fields, files, wish.mask) : json(fields) };
}

/**
 * What asks for the price. References are stood in for by empty pictures of their sizes, for nothing but the size counts
 * and they would be sent again at every change.
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 * @returns {Promise<Sent>}
 */
export async function quoteOf(model, wish, abilities) {
  const fields = fieldsOf(model, { ...wish, prompt: wish.prompt || "a picture" }, abilities);
  if (!edits(wish)) return { path: "/v1/quote", options: json(fields) };
  const files = await Promise.all(wish.references.map(standIn));
  return { path: "/v1/quote", options: form(fields, files, wish.mask) };
}

/** @param {Record<string, unknown>} fields */
export function json(fields) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fields) };
}

/**
 * @param {Record<string, string | number | boolean>} fields
 * @param {Blob[]} files
 * @param {Blob | null} mask
 */
function form(fields, files, mask) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
  for (const [place, file] of files.entries()) body.append("image[]", file, `reference-${place + 1}`);
  if (mask) body.append("mask", mask, "mask.png");
  return { method: "POST", body };
}

/** @type {WeakMap<Reference, Promise<Blob>>} */
const stoodIn = new WeakMap();

/** @param {Reference} reference */
export function standIn(reference) {
  const known = stoodIn.get(reference);
  if (known) return known;
  const canvas = new OffscreenCanvas(reference.width, reference.height);
  canvas.getContext("2d");
  const made = canvas.convertToBlob({ type: "image/png" });
  stoodIn.set(reference, made);
  return made;
}
