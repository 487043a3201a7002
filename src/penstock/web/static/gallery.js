// A picture's page: left and right arrow lead to the pictures beside it, and a button copies its address.
// @ts-check

import { toast } from "./gateway.js";

const WAYS = { ArrowLeft: "prev", ArrowRight: "next" };

document.addEventListener("keydown", (event) => {
  const way = WAYS[/** @type {keyof typeof WAYS} */ (event.key)];
  if (!way || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || usesArrows(event.target)) return;
  const link = document.querySelector(`.walk a[rel=${way}]`);
  if (link instanceof HTMLAnchorElement) link.click();
});

/**
 * Whether arrows already mean something where the focus is.
 * @param {EventTarget | null} target
 */
function usesArrows(target) {
  return target instanceof Element && target.closest("input, select, textarea, pre, .scroll, .sections, [contenteditable]") !== null;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy ?? "");
    toast("The picture's address is copied. It opens for whoever is signed in, and for programs with a key.", "good");
  });
}
