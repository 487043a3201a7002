// A request as code that makes it again: curl, and Python with OpenAI's client. The key is a variable's name, never a key.
// @ts-check

import { edits, fieldsOf, pathOf } from "./request.js";

/** @import { Abilities, Wish } from "./types.js" */

/** What OpenAI's client names itself; every other field goes into `extra_body`. */
const NAMED = new Set(["model", "prompt", "size", "n", "quality", "background", "output_format"]);

/**
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 */
export function curl(model, wish, abilities) {
  const fields = fieldsOf(model, { ...wish, previews: false }, abilities);
  const lines = [`curl ${quoted(location.origin + pathOf(wish))}`, '-H "Authorization: Bearer $PENSTOCK_KEY"'];
  if (edits(wish)) {
    for (const [name, value] of Object.entries(fields)) lines.push(`--form-string ${quoted(`${name}=${value}`)}`);
    for (const name of files(wish)) lines.push(`-F ${quoted(`image[]=@${name}`)}`);
    if (wish.mask) lines.push("-F 'mask=@mask.png'");
  } else {
    lines.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(fields, null, 2))}`);
  }
  return lines.join(" \\\n  ");
}

/**
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 */
export function python(model, wish, abilities) {
  const fields = Object.entries(fieldsOf(model, { ...wish, previews: false }, abilities));
  const given = fields.filter(([name]) => NAMED.has(name)).map(([name, value]) => `${name}=${literal(value)},`);
  const extra = fields.filter(([name]) => !NAMED.has(name)).map(([name, value]) => `"${name}": ${literal(value)}`);
  if (edits(wish)) given.push(`image=[${files(wish).map((name) => `open("${name}", "rb")`).join(", ")}],`);
  if (wish.mask) given.push('mask=open("mask.png", "rb"),');
  if (extra.length > 0) given.push(`extra_body={${extra.join(", ")}},`);
  return [
    "import base64",
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${location.origin}/v1", api_key=os.environ["PENSTOCK_KEY"])`,
    `answer = client.images.${edits(wish) ? "edit" : "generate"}(`,
    ...given.map((line) => `    ${line}`),
    ")",
    "for number, picture in enumerate(answer.data):",
    `    with open(f"picture-{number}.${wish.format || "png"}", "wb") as file:`,
    "        file.write(base64.b64decode(picture.b64_json))",
  ].join("\n");
}

/** @param {Wish} wish */
const files = (wish) => wish.references.map((reference, place) => `reference-${place + 1}.${reference.file.type.replace("image/", "") || "png"}`);

/** @param {string} text For a shell. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * JSON's texts and numbers are Python's too.
 * @param {string | number | boolean} value
 */
const literal = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value));
