// Server-sent events of an answer, as the HTML standard cuts them (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// @ts-check

/** @typedef {{ event: string, data: string }} ServerEvent */

/**
 * The events of a stream, in order, as they arrive. One that is not complete at the end is left out.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @returns {AsyncGenerator<ServerEvent, void, void>}
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  /** @type {string[]} */
  let waiting = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting.push(value);
      // Pictures are megabytes without a line end: they are joined once, not at every piece.
      if (!/[\r\n]/.test(value)) continue;
      const blocks = waiting.join("").split(/\r\n\r\n|\n\n|\r\r/);
      waiting = [blocks.pop() ?? ""];
      for (const block of blocks) {
        const found = parsed(block);
        if (found !== null) yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/**
 * @param {string} block
 * @returns {ServerEvent | null}
 */
function parsed(block) {
  let event = "message";
  /** @type {string[]} */
  const data = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join("\n") };
}
