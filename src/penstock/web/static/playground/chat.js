// The conversation: what was said, answers as they come, and what each cost.
// @ts-check

import { ask } from "../gateway.js";
import { button, find, make, say } from "./dom.js";
import { events } from "./events.js";
import { asFailure, failureNote, failureOf } from "./failures.js";
import { cost, elapsed } from "./money.js";
import { write } from "./prose.js";
import { json, standIn } from "./request.js";
import { broken, factsOf } from "./run.js";

/** @import { Model, Reference } from "./types.js" */
/** @import { Failure } from "./failures.js" */
/** @import { Sent } from "./request.js" */

/** @typedef {{ type: "text", text: string } | { type: "image_url", image_url: { url: string } }} Part */
/** @typedef {{ role: "user" | "assistant", content: string | Part[] }} Message */

/** A conversation with one model at a time. */
export class Chat {
  #list = find("#messages", HTMLElement);
  #clear = find("#clear", HTMLButtonElement);
  /** Each message, and the same with empty pictures in it, which is asked the price of. @type {{ sent: Message, priced: Message }[]} */
  #said = [];
  /** @type {AbortController | null} */
  #underWay = null;

  /** @param {{ edit: (picture: Blob) => void, lost: (failure: Failure) => void, changed: () => void }} ways */
  constructor(ways) {
    this.ways = ways;
    this.#clear.addEventListener("click", () => this.clear());
  }

  get busy() {
    return this.#underWay !== null;
  }

  clear() {
    this.#underWay?.abort();
    this.#said = [];
    this.#list.replaceChildren();
    this.#show();
    find("#prompt", HTMLElement).focus();
  }

  /**
   * What asks for the price of the next answer; references are stood in for by empty pictures of their sizes.
   * @param {string} model
   * @param {string} text
   * @param {Reference[]} references
   * @returns {Promise<Sent>}
   */
  async quoteOf(model, text, references) {
    const next = await priced(text || "Hello", references);
    return { path: "/v1/quote", options: json({ model, messages: [...this.#said.map((message) => message.priced), next] }) };
  }

  /**
   * @param {Model} model
   * @param {string} text
   * @param {Reference[]} references
   */
  async send(model, text, references) {
    const sent = await message(text, references.map((reference) => reference.file));
    this.#said.push({ sent, priced: await priced(text, references) });
    const pictures = references.map(({ file, width, height }) => picture(URL.createObjectURL(file), width, height, "A picture sent with the message"));
    const body = make("div", { className: "prose" });
    write(body, text);
    this.#list.append(make("li", { className: "message mine" }, make("h3", { className: "small" }, "You"), body, ...pictures));
    await this.answer(model);
  }

  /** @param {Model} model */
  async answer(model) {
    const stop = button("Stop", () => this.#underWay?.abort());
    const body = make("div", { className: "prose" });
    const foot = make("p", { className: "row small quiet", role: "status" }, "Waiting for the answer.", stop);
    const item = make("li", { className: "message" }, make("h3", { className: "small", title: model.slug }, model.name), body, foot);
    this.#list.append(item);
    this.#underWay = new AbortController();
    this.#show();
    item.scrollIntoView({ block: "nearest" });
    const started = performance.now();
    const answer = { text: "", cost: /** @type {number | null} */ (null), facts: /** @type {Record<string, string>} */ ({}) };
    try {
      await this.#receive(model, this.#underWay.signal, answer, body, item);
      foot.replaceChildren(...[elapsed(started), cost(answer.cost), answer.facts.provider && `at ${answer.facts.provider}`].filter((words) => !!words).map((words) => make("span", {}, String(words))));
      say(`${model.name} answered: ${answer.text.slice(0, 300)}`);
    } catch (error) {
      const stopped = error instanceof DOMException && error.name === "AbortError";
      foot.replaceChildren(stopped ? `Stopped after ${elapsed(started)}.` : elapsed(started));
      if (!stopped) this.#failed(item, model, error);
    }
    /** @type {Message} */
    const answered = { role: "assistant", content: answer.text };
    if (answer.text !== "") this.#said.push({ sent: answered, priced: answered });
    this.#underWay = null;
    this.#show();
  }

  /**
   * @param {Model} model
   * @param {AbortSignal} signal
   * @param {{ text: string, cost: number | null, facts: Record<string, string> }} answer Filled as it comes.
   * @param {HTMLElement} body
   * @param {HTMLElement} item
   */
  async #receive(model, signal, answer, body, item) {
    const response = await ask("/v1/chat/completions", { ...json({ model: model.slug, messages: this.#said.map((message) => message.sent), stream: true }), signal });
    if (!response.ok || response.body === null) throw await failureOf(response);
    answer.facts = factsOf(response);
    for await (const { data } of events(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw broken(chunk.error, response);
      answer.cost = chunk.usage?.cost ?? answer.cost;
      const delta = chunk.choices?.[0]?.delta ?? {};
      for (const part of delta.images ?? []) await this.#addPicture(item, part.image_url.url);
      if (!delta.content) continue;
      answer.text += delta.content;
      write(body, answer.text);
    }
    throw broken({ message: "The answer broke off before its end.", code: null }, response);
  }

  /**
   * @param {HTMLElement} item
   * @param {string} address A data URL.
   */
  async #addPicture(item, address) {
    if (!address.startsWith("data:image/")) return;
    const blob = decoded(address);
    const bitmap = await createImageBitmap(blob);
    const shown = picture(URL.createObjectURL(blob), bitmap.width, bitmap.height, "A picture in the answer");
    bitmap.close();
    item.lastElementChild?.before(make("figure", { className: "stack tight" }, shown, button("Attach it to the next message", () => this.ways.edit(blob))));
  }

  /**
   * @param {HTMLElement} item
   * @param {Model} model
   * @param {unknown} error
   */
  #failed(item, model, error) {
    const failure = asFailure(error);
    if (failure.lost) this.ways.lost(failure);
    item.append(failureNote(failure, () => {
      item.remove();
      if (this.#said.at(-1)?.sent.role === "assistant") this.#said.pop();
      void this.answer(model);
    }));
    say(failure.message);
  }

  #show() {
    const empty = this.#list.childElementCount === 0;
    find("#no-messages", HTMLElement).hidden = !empty;
    this.#clear.hidden = empty;
    this.ways.changed();
  }
}

/**
 * @param {string} text
 * @param {Reference[]} references
 */
const priced = async (text, references) => message(text, await Promise.all(references.map(standIn)));

/**
 * @param {string} text
 * @param {Blob[]} pictures
 * @returns {Promise<Message>}
 */
async function message(text, pictures) {
  if (pictures.length === 0) return { role: "user", content: text };
  const addresses = await Promise.all(pictures.map(dataAddress));
  return { role: "user", content: [{ type: "text", text }, ...addresses.map((url) => ({ type: /** @type {const} */ ("image_url"), image_url: { url } }))] };
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function dataAddress(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** @param {string} address A data URL; `fetch` may not open it here. */
function decoded(address) {
  const [head, text] = address.split(",", 2);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: head.slice("data:".length).split(";")[0] });
}

/**
 * @param {string} src
 * @param {number} width
 * @param {number} height
 * @param {string} alt
 */
const picture = (src, width, height, alt) => make("img", { className: "picture", src, width, height, alt });
