// What was written here, kept for this tab, so that a session that ends takes nothing with it; and the page's address.
// @ts-check

/** @import { Chosen } from "./types.js" */

const NAME = "penstock.playground";
/** What an address can hold of a prompt. */
const LONGEST = 1500;

/**
 * @typedef {object} Kept
 * @property {string} who Whose it is; empty: of whoever signs in next, for the session ended in the middle.
 * @property {string} search The address's query then: what is asked for by another comes from there and not from here.
 * @property {"pictures" | "chat"} kind
 * @property {string} prompt
 * @property {{ pictures: string[], chat: string[] }} models
 * @property {Partial<Chosen>} settings
 */

/** @param {Kept} kept */
export function keep(kept) {
  sessionStorage.setItem(NAME, JSON.stringify(kept));
}

/**
 * @param {string} who
 * @returns {Kept | null} None where the address asks for something of its own; a reference alone is added to what was there.
 */
export function kept(who) {
  try {
    /** @type {Kept | null} */
    const found = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    const asked = location.search !== found?.search && [...new URLSearchParams(location.search).keys()].some((name) => name !== "reference");
    return found !== null && !asked && ["", who].includes(found.who) ? found : null;
  } catch {
    return null;
  }
}

/**
 * The page's address says what is chosen, as far as an address can; a long prompt it cannot.
 * @param {string[]} models
 * @param {string} prompt
 * @param {string} size
 * @param {string[]} references Digests.
 */
export function address(models, prompt, size, references) {
  const query = new URLSearchParams(models.map((model) => ["model", model]));
  if (prompt !== "" && prompt.length <= LONGEST) query.append("prompt", prompt);
  if (size !== "") query.append("size", size);
  for (const digest of references) query.append("reference", digest);
  history.replaceState(null, "", `${location.pathname}${query.size > 0 ? `?${query}` : ""}`);
}
