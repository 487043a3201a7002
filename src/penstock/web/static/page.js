// What every page has: the token for requests of ours, buttons that copy, local times, and notices.
// @ts-check

import { csrf, toast } from "./gateway.js";

/** @param {ParentNode} root */
function dress(root) {
  for (const block of root.querySelectorAll(".code:not(:has(.copy))")) addCopy(block);
  for (const time of root.querySelectorAll("time[datetime*=T]")) showLocally(/** @type {HTMLTimeElement} */ (time));
}

/** @param {Element} block */
function addCopy(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("pre")?.textContent ?? "");
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

/** @param {HTMLTimeElement} time */
function showLocally(time) {
  time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

/** On a narrow screen the bar of sections is scrolled to the one that is open. */
function showSection() {
  const open = document.querySelector(".sections [aria-current]");
  if (open instanceof HTMLElement && open.parentElement) {
    open.parentElement.scrollLeft = open.offsetLeft - open.parentElement.offsetLeft - open.parentElement.clientWidth / 3;
  }
}

dress(document);
showSection();
document.addEventListener("htmx:load", (event) => dress(/** @type {Element} */ (event.target)));
document.addEventListener("htmx:configRequest", (event) => {
  /** @type {CustomEvent} */ (event).detail.headers["x-penstock-csrf"] = csrf();
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = /** @type {CustomEvent} */ (event).detail;
  const said = new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector(".lead")?.textContent;
  toast(said ?? `The gateway answered ${xhr.status}.`);
});
document.addEventListener("htmx:sendError", () => toast("The gateway cannot be reached."));
for (const form of document.querySelectorAll("form[data-choose]")) {
  form.addEventListener("change", () => /** @type {HTMLFormElement} */ (form).requestSubmit());
}
