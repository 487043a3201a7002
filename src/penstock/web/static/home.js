// The first picture of an installation, made by one click through the public API.
// @ts-check

import { ask, sentence } from "./gateway.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#first"));
const made = /** @type {HTMLElement} */ (document.querySelector("#made"));
const status = /** @type {HTMLElement} */ (form.querySelector(".status"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  status.textContent = "Drawing…";
  try {
    status.textContent = await draw(String(new FormData(form).get("prompt")));
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
  button.disabled = false;
});

/** @param {string} prompt */
async function draw(prompt) {
  const started = performance.now();
  const body = { model: "sandbox/image", prompt, size: "1024x768", response_format: "url" };
  const headers = { "content-type": "application/json" };
  const response = await ask("/v1/images/generations", { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await sentence(response));
  const { url } = (await response.json()).data[0];
  const picture = document.createElement("img");
  picture.className = "picture";
  picture.width = 1024;
  picture.height = 768;
  picture.alt = prompt;
  picture.src = new URL(url).pathname + new URL(url).search;
  made.replaceChildren(picture);
  const cost = response.headers.get("x-penstock-cost");
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return `Made in ${seconds} s${cost === null ? "" : `, for $${cost}`}. It is kept in the gallery.`;
}
