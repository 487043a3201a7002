// Which models are asked: the searchable list, those chosen with what each would cost, and the sum of it.
// @ts-check

import { button, find, make } from "./dom.js";
import { price as inWords, sum } from "./money.js";

/** @import { Model, Price } from "./types.js" */

/** @typedef {"pictures" | "chat"} Kind */

/** The models of both kinds; only those of the kind at hand are shown and asked. */
export class Models {
  #lists = { pictures: find('.choices[data-kind="pictures"]', HTMLElement), chat: find('.choices[data-kind="chat"]', HTMLElement) };
  #chosen = find("#chosen", HTMLElement);
  #search = find("#search", HTMLInputElement);
  #total = find("#total", HTMLElement);
  /** @type {Kind} */
  #kind = "pictures";
  /** @type {Map<string, Price>} */
  #prices = new Map();

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.#search.addEventListener("input", () => this.#find());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }

  get kind() {
    return this.#kind;
  }

  set kind(kind) {
    this.#kind = kind;
    for (const [name, list] of Object.entries(this.#lists)) list.hidden = name !== kind;
    this.#find();
    this.forgetPrices();
  }

  /** @returns {Model[]} */
  get chosen() {
    return this.#inputs(this.#kind).filter((input) => input.checked).map(modelOf);
  }

  /** @param {Kind} kind */
  slugs(kind) {
    return this.#inputs(kind).filter((input) => input.checked).map((input) => input.value);
  }

  /**
   * @param {Kind} kind
   * @param {string[]} slugs Those that can no longer be called are passed over.
   */
  choose(kind, slugs) {
    const inputs = this.#inputs(kind);
    if (!inputs.some((input) => slugs.includes(input.value))) return;
    for (const input of inputs) input.checked = slugs.includes(input.value);
  }

  /** Those whose price says that they cannot do it. */
  get unable() {
    return new Set([...this.#prices].filter(([, price]) => !price.able).map(([slug]) => slug));
  }

  /** Prices are of one request, so a change takes them away; what was shown stays until the next are there. */
  forgetPrices() {
    this.#prices.clear();
    this.#show(true);
  }

  /**
   * @param {string} slug
   * @param {Price} price
   */
  setPrice(slug, price) {
    this.#prices.set(slug, price);
    this.#show(false);
  }

  /** @param {boolean} waiting */
  #show(waiting) {
    const rows = this.chosen.map((model) => this.#row(model, this.#prices.get(model.slug)));
    const none = rows.length === 0;
    this.#chosen.replaceChildren(...(none ? [make("li", { className: "quiet small" }, "No model is chosen.")] : rows));
    if (!waiting || none) this.#total.textContent = this.#sum();
    this.#total.classList.toggle("waiting", waiting && !none);
  }

  /**
   * @param {Model} model
   * @param {Price | undefined} price
   */
  #row({ slug, name }, price) {
    const words = price === undefined ? "…" : price.able ? inWords(price, false) : "cannot do this";
    const kind = price === undefined ? "quiet" : price.able ? (price.known ? "" : "unknown") : "refused";
    const remove = this.#kind === "chat" ? null : button("×", () => this.#remove(slug), { className: "plain remove", "aria-label": `Leave out ${name}`, title: "Leave it out" });
    const why = price && !price.able ? make("p", { className: "why" }, price.why) : null;
    const cost = make("span", { className: `cost numbers ${kind}` }, words);
    return make("li", { className: "one", "data-model": slug }, make("span", { className: "name", title: slug }, name), cost, remove, why);
  }

  /** @param {string} slug */
  #remove(slug) {
    for (const input of this.#inputs(this.#kind)) if (input.value === slug) input.checked = false;
    this.changed();
    (this.#chosen.querySelector("button") ?? find(".models summary", HTMLElement)).focus();
  }

  #sum() {
    const asked = this.chosen.map((model) => this.#prices.get(model.slug)).filter((price) => price !== undefined);
    const able = asked.filter((price) => price.able);
    if (asked.length > 0 && able.length === 0) return "None of the chosen models can do this.";
    const known = able.filter((price) => price.known && price.low !== null);
    if (able.length === 0) return "";
    if (known.length === 0) return "Price not known.";
    const low = sum(known.map((price) => price.low ?? 0));
    const high = known.every((price) => price.high !== null) ? sum(known.map((price) => price.high ?? 0)) : null;
    const missing = able.length - known.length;
    const rest = missing === 0 ? "" : `, and ${missing} whose price is not known`;
    return `${able.length > 1 ? "Together " : "Costs "}${inWords({ low, high, known: true })}${rest}`;
  }

  #find() {
    const wanted = this.#search.value.trim().toLowerCase().split(/\s+/);
    let found = 0;
    for (const row of this.#lists[this.#kind].children) {
      const words = /** @type {HTMLElement} */ (row).dataset.words ?? "";
      const shown = wanted.every((part) => words.includes(part));
      /** @type {HTMLElement} */ (row).hidden = !shown;
      found += Number(shown);
    }
    find("#nothing-found", HTMLElement).hidden = found > 0;
  }

  /** @param {Kind} kind */
  #inputs(kind) {
    return [...this.#lists[kind].querySelectorAll("input")];
  }
}

/**
 * @param {HTMLInputElement} input
 * @returns {Model}
 */
const modelOf = (input) => ({ slug: input.value, name: input.dataset.name ?? input.value });
