// Amounts of money and time, in words.
// @ts-check

const PICO = 1e12;

/**
 * An exact amount with at least two decimals: `$0.045`.
 * @param {number} amount
 */
export function dollars(amount) {
  const [whole, part = ""] = amount.toFixed(12).replace(/0+$/, "").split(".");
  return `$${Number(whole).toLocaleString("en-US")}.${part.padEnd(2, "0")}`;
}

/**
 * What was charged; nothing is invented where it is not known.
 * @param {number | null} amount
 */
export const cost = (amount) => (amount === null ? "cost not known" : dollars(amount));

/**
 * Exact to the millionth of a millionth, unlike a sum of fractions.
 * @param {number[]} amounts
 */
export const sum = (amounts) => amounts.reduce((total, amount) => total + Math.round(amount * PICO), 0) / PICO;

/**
 * A price before the click: one amount, a range, or that it is not known.
 * @param {{ low: number | null, high: number | null, known: boolean }} price
 * @param {boolean} whole Whether there is room to say that nothing bounds it.
 */
export function price({ low, high, known }, whole = true) {
  if (!known || low === null) return "price not known";
  if (high === null) return `from ${dollars(rounded(low))}${whole ? ", no upper bound known" : ""}`;
  return low === high ? dollars(low) : `${dollars(rounded(low))} to ${dollars(rounded(high))}`;
}

/** @param {number} estimate An estimate needs no more than four digits. */
const rounded = (estimate) => Number(estimate.toPrecision(4));

/** @param {number} since As `performance.now()` gave it. */
export function elapsed(since) {
  const seconds = (performance.now() - since) / 1000;
  return seconds < 0.1 ? "under 0.1 s" : `${seconds.toFixed(1)} s`;
}
