// One request for pictures, from its sending to its last event.
// @ts-check

import { ask } from "../gateway.js";
import { events } from "./events.js";
import { Failure, failureOf } from "./failures.js";
import { requestOf } from "./request.js";

/** @import { Abilities, Made, Outcome, Wish } from "./types.js" */

/**
 * Sends a wish to a model. Throws Failure, and what `fetch` throws where it is stopped or the gateway is gone.
 * @param {string} model
 * @param {Wish} wish
 * @param {Abilities} abilities
 * @param {AbortSignal} signal
 * @param {(preview: string) => void} onPreview Told the address of each preview.
 * @returns {Promise<Outcome>}
 */
export async function run(model, wish, abilities, signal, onPreview) {
  const { path, options } = requestOf(model, wish, abilities);
  const response = await ask(path, { ...options, signal });
  if (!response.ok) throw await failureOf(response);
  const streamed = response.headers.get("content-type")?.startsWith("text/event-stream");
  const answer = streamed && response.body ? await collected(response, response.body, onPreview) : await response.json();
  return {
    pictures: answer.data.map(made),
    cost: answer.usage?.cost ?? null,
    failures: (answer.errors ?? []).map((/** @type {{ message: string }} */ error) => error.message),
    facts: factsOf(response),
    requestId: response.headers.get("x-request-id") ?? "",
  };
}

/**
 * A stream as the answer it would have been without one.
 * @param {Response} response
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {(preview: string) => void} onPreview
 * @returns {Promise<any>}
 */
async function collected(response, body, onPreview) {
  /** @type {{ data: unknown[], usage: unknown, errors: unknown[] }} */
  const answer = { data: [], usage: null, errors: [] };
  for await (const { data } of events(body)) {
    if (data === "[DONE]") return answer;
    const event = JSON.parse(data);
    if (event.type === "error") throw broken(event.error, response);
    if (event.type.endsWith(".partial_image")) onPreview(`data:image/${event.output_format};base64,${event.b64_json}`);
    if (event.type.endsWith(".completed")) {
      answer.data.push(event);
      answer.usage = event.usage ?? answer.usage;
      answer.errors = event.errors ?? answer.errors;
    }
  }
  throw new Failure("The answer broke off before its end.", { requestId: response.headers.get("x-request-id") ?? "" });
}

/**
 * @param {{ message: string, code: string | null }} error
 * @param {Response} response
 */
export function broken(error, response) {
  // The stream had begun, so its status says nothing of this: whatever it is came from the provider.
  return new Failure(error.message, { code: error.code ?? "", status: 502, requestId: response.headers.get("x-request-id") ?? "" });
}

/**
 * @param {any} entry
 * @returns {Made}
 */
function made(entry) {
  const { pathname, search } = new URL(entry.url);
  return {
    address: pathname + search,
    digest: pathname.split("/").at(-1) ?? "",
    width: entry.width,
    height: entry.height,
    mediaType: entry.media_type,
    seed: entry.seed ?? null,
  };
}

/**
 * What the gateway said in headers of its own.
 * @param {Response} response
 */
export function factsOf(response) {
  /** @type {Record<string, string>} */
  const facts = {};
  for (const [name, value] of response.headers) {
    if (name.startsWith("x-penstock-")) facts[name.slice("x-penstock-".length)] = value;
  }
  return facts;
}
