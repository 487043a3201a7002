// What was made, newest first: a row for each press of the button, a card in it for each model.
// @ts-check

import { button, codeBlock, find, make, say } from "./dom.js";
import { curl, python } from "./code.js";
import { advice, failureNote } from "./failures.js";
import { cost, dollars, elapsed } from "./money.js";

/** @import { Abilities, Made, Model, Outcome, Wish } from "./types.js" */
/** @import { Failure } from "./failures.js" */

/**
 * What can be done with a card.
 * @typedef {object} Ways
 * @property {() => void} stop
 * @property {() => void} again
 * @property {() => void} reseed
 * @property {(digest: string) => void} edit
 */

/**
 * A row for one press of the button.
 * @param {Wish} wish
 * @param {Element[]} cards
 */
export function addRow(wish, cards) {
  find("#no-results", HTMLElement).hidden = true;
  const title = make("h2", { className: "asked", title: wish.prompt }, wish.prompt);
  const beside = wish.references.length === 0 ? null : make("p", { className: "small quiet" }, `With ${wish.references.length} ${wish.references.length === 1 ? "reference" : "references"}${wish.mask ? " and a mask" : ""}.`);
  const row = make("article", { className: "made stack tight" }, title, beside, make("div", { className: `cards${cards.length === 1 ? " single" : ""}` }, ...cards));
  find("#results", HTMLElement).prepend(row);
}

/** A model's part of a row, from the moment it is asked. */
export class Card {
  element = make("section", { className: "card result" });
  #stage = make("div", { className: "stage" });
  #state = make("p", { className: "small" }, "Asked; waiting for the picture.");
  #elapsed = make("span", { className: "numbers quiet small" }, "");
  #started = performance.now();
  #ticking = setInterval(() => this.#tick(), 100);
  #stop;

  /**
   * @param {Model} model
   * @param {Wish} wish
   * @param {Abilities} abilities
   * @param {Ways} ways
   */
  constructor(model, wish, abilities, ways) {
    this.model = model;
    this.wish = wish;
    this.abilities = abilities;
    this.ways = ways;
    this.#stop = button("Stop waiting", ways.stop, { "aria-label": `Stop waiting for ${model.name}` });
    const head = make("div", { className: "row spread" }, make("h3", { title: model.slug }, model.name), this.#elapsed);
    const [width, height] = this.#size;
    const blank = make("div", { className: "blank" });
    blank.style.aspectRatio = `${width} / ${height}`;
    this.#stage.append(blank);
    this.element.append(head, this.#stage, make("div", { className: "row spread" }, this.#state, this.#stop));
    this.element.dataset.model = model.slug;
    this.element.dataset.state = "waiting";
  }

  /** @param {string} address */
  preview(address) {
    const [width, height] = this.#size;
    this.#stage.replaceChildren(make("img", { className: "picture", src: address, width, height, alt: "A preview, not finished" }));
    this.#state.textContent = "A preview; the picture is still being made.";
  }

  /** @param {Outcome} outcome */
  done(outcome) {
    const seconds = this.#end("done");
    this.#stage.replaceChildren(...outcome.pictures.map((picture, place) => this.#picture(picture, place, outcome.pictures.length)));
    this.#stage.classList.toggle("several", outcome.pictures.length > 1);
    const short = outcome.failures.map((message) => make("p", { className: "note warn small" }, message));
    const tell = `${seconds}, ${cost(outcome.cost)}`;
    this.element.append(...short, this.#facts(outcome, seconds), this.#buttons(), this.#details(outcome), this.#code());
    say(`${this.model.name}: ${outcome.pictures.length === 1 ? "the picture is" : `${outcome.pictures.length} pictures are`} there. ${tell}.`);
  }

  /** @param {Failure} failure */
  failed(failure) {
    this.#end("failed");
    this.#stage.replaceChildren(failureNote(failure, this.ways.again));
    say(`${this.model.name}: ${failure.message} ${advice(failure)}`);
  }

  stopped() {
    const seconds = this.#end("stopped");
    const words = "Not waited for any longer. A picture that was being made is finished all the same: it is charged, and is in the gallery then.";
    this.#stage.replaceChildren(make("div", { className: "note stack tight" }, make("p", {}, words), make("p", { className: "buttons" }, button("Make it again", this.ways.again))));
    say(`${this.model.name}: stopped waiting after ${seconds}.`);
  }

  get #size() {
    const first = this.wish.references[0];
    const [width, height] = this.wish.size.split("x").map(Number);
    return height ? [width, height] : first ? [first.width, first.height] : [1024, 1024];
  }

  /** @param {string} state */
  #end(state) {
    clearInterval(this.#ticking);
    this.#tick();
    this.element.dataset.state = state;
    this.#stop.parentElement?.remove();
    return this.#elapsed.textContent ?? "";
  }

  #tick() {
    this.#elapsed.textContent = elapsed(this.#started);
  }

  /**
   * @param {Made} picture
   * @param {number} place
   * @param {number} of
   */
  #picture({ address, digest, width, height, mediaType, seed }, place, of) {
    const which = of === 1 ? "" : `, ${place + 1} of ${of}`;
    const kept = `/v1/assets/${digest}`; // The address that came with it ends after a while.
    const image = make("img", { className: "picture", src: address, width, height, alt: `${this.wish.prompt}${which}` });
    const open = make("a", { href: kept, target: "_blank", className: "open", "aria-label": `Open the picture by ${this.model.name}${which}` }, image);
    const file = `${digest.slice(0, 16)}.${mediaType.replace("image/", "")}`;
    const links = make("p", { className: "buttons small" },
      make("a", { href: `/gallery/${digest}` }, "In the gallery"),
      make("a", { href: kept, download: file }, "Download"),
      button("Edit this", () => this.ways.edit(digest), { className: "plain small", "aria-label": `Edit this picture${which}` }));
    const facts = [`${width} × ${height}`, mediaType.replace("image/", "")];
    if (seed !== null) facts.push(`seed ${seed}`);
    return make("figure", { className: "stack tight" }, open, make("figcaption", { className: "row spread small" }, make("span", { className: "quiet numbers" }, facts.join(" · ")), links));
  }

  /**
   * @param {Outcome} outcome
   * @param {string} seconds
   */
  #facts(outcome, seconds) {
    const { provider } = outcome.facts;
    /** @type {[string, string, boolean][]} */
    const facts = [["Cost", outcome.cost === null ? "not known" : dollars(outcome.cost), outcome.cost !== null], ["Time", seconds, true], ["Provider", provider ?? "not known", provider !== undefined]];
    return make("dl", { className: "facts" }, ...facts.map(([name, value, known]) => make("div", {}, make("dt", {}, name), make("dd", { className: known ? "numbers" : "unknown" }, value))));
  }

  #buttons() {
    return make("p", { className: "buttons" }, button("seed" in this.abilities ? "Same again, another seed" : "Same again", this.ways.reseed));
  }

  /** @param {Outcome} outcome */
  #details(outcome) {
    const rows = [["model asked", this.model.slug], ["request", outcome.requestId], ...Object.entries(outcome.facts)];
    const list = make("dl", { className: "pairs small" }, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    return make("details", {}, make("summary", { className: "small" }, "Details"), list);
  }

  #code() {
    const { model, wish, abilities } = this;
    const made = make("details", {}, make("summary", { className: "small" }, "Do it by program"));
    made.addEventListener("toggle", () => {
      if (made.childElementCount > 1) return;
      made.append(make("div", { className: "stack tight" },
        make("h4", {}, "curl"), codeBlock(curl(model.slug, wish, abilities), "The same request with curl"),
        make("h4", {}, "Python, with the package openai"), codeBlock(python(model.slug, wish, abilities), "The same request in Python")));
    });
    return made;
  }
}
