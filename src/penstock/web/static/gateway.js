// Requests to this gateway in the name of whoever is signed in, and words for what went wrong. Pages import it; it does
// nothing by itself.
// @ts-check

/** The token that says a request was made by a page of ours. */
export const csrf = () => document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? "";

/**
 * A request to this gateway, in the name of whoever is signed in.
 * @param {string} path
 * @param {RequestInit} options
 */
export function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  headers.set("x-penstock-csrf", csrf());
  return fetch(path, { ...options, headers, credentials: "same-origin" });
}

/**
 * The sentence of an error that the gateway answered with.
 * @param {Response} response
 */
export async function sentence(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return `The gateway answered ${response.status} ${response.statusText}.`;
  }
}

/**
 * A message at the edge of the page, for a while.
 * @param {string} message
 * @param {"good" | "bad"} kind
 */
export function toast(message, kind = "bad") {
  const note = document.createElement("p");
  note.className = `note toast ${kind}`;
  note.setAttribute("role", kind === "bad" ? "alert" : "status");
  note.textContent = message;
  document.body.append(note);
  setTimeout(() => note.remove(), 8000);
}
