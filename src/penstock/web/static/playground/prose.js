// What a model wrote, as paragraphs and blocks of code. It is text and nothing else: no markup of a model's becomes any here.
// @ts-check

import { codeBlock, make } from "./dom.js";

/**
 * @param {HTMLElement} into
 * @param {string} text
 */
export function write(into, text) {
  // Every second part stands between fences; the last one may not be closed yet.
  const parts = text.split(/^[ \t]*```/m);
  into.replaceChildren(...parts.flatMap((part, place) => (place % 2 === 0 ? paragraphs(part) : [code(part)])));
}

/** @param {string} text */
function paragraphs(text) {
  return text
    .split(/\n[ \t]*\n/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => make("p", {}, paragraph.trim()));
}

/** @param {string} part With the language on its first line. */
function code(part) {
  const [language, ...lines] = part.split("\n");
  return codeBlock(lines.join("\n").trimEnd(), `Code ${language.trim()}`.trim());
}
