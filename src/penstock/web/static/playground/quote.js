// What a request would cost at the providers that can carry it out here, and why it cannot be made where none can.
// @ts-check

import { ask } from "../gateway.js";
import { failureOf } from "./failures.js";

/** @import { Price } from "./types.js" */
/** @import { Sent } from "./request.js" */

/** @typedef {{ on: boolean, able: boolean, why_not: string | null, certainty: string | null, low_usd: number | null, high_usd: number | null }} Offer */

/**
 * @param {Sent} question
 * @param {AbortSignal} signal
 * @returns {Promise<Price>}
 */
export async function priceOf({ path, options }, signal) {
  const response = await ask(path, { ...options, signal });
  if (!response.ok) {
    const failure = await failureOf(response);
    if (failure.lost) throw failure;
    return unable(failure.message);
  }
  /** @type {Offer[]} */
  const offers = (await response.json()).offers;
  const on = offers.filter((offer) => offer.on);
  const able = on.filter((offer) => offer.able);
  if (able.length === 0) return unable(on[0]?.why_not ?? "No provider of it is switched on here.");
  return spread(able.filter((offer) => offer.certainty !== "unpriced"));
}

/**
 * Routing decides between the offers, so what it costs lies between the lowest and the highest.
 * @param {Offer[]} priced
 * @returns {Price}
 */
function spread(priced) {
  const lows = priced.map((offer) => offer.low_usd).filter((amount) => amount !== null);
  const highs = priced.map((offer) => offer.high_usd);
  const bounded = highs.filter((amount) => amount !== null);
  return {
    able: true,
    why: "",
    low: lows.length > 0 ? Math.min(...lows) : null,
    high: bounded.length > 0 && bounded.length === highs.length ? Math.max(...bounded) : null,
    known: lows.length > 0,
  };
}

/**
 * @param {string} why
 * @returns {Price}
 */
const unable = (why) => ({ able: false, why, low: null, high: null, known: false });
