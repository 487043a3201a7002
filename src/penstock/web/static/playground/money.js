// Amounts in US dollars, in words.
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
 */
export function price({ low, high, known }) {
  if (!known || low === null) return "price not known";
  if (high === null) return `from ${dollars(rounded(low))}, no upper bound known`;
  return low === high ? dollars(low) : `${dollars(rounded(low))} to ${dollars(rounded(high))}`;
}

/** @param {number} estimate An estimate needs no more than four digits. */
const rounded = (estimate) => Number(estimate.toPrecision(4));
