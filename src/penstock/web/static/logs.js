// After older requests have been put below the others, the keyboard goes on with the first of them.
// @ts-check

const rows = document.querySelector("#rows");

rows?.addEventListener("htmx:beforeSwap", (event) => {
  const before = rows.children.length - 1;
  if (event.target instanceof Element && event.target.closest(".more")) {
    rows.addEventListener("htmx:afterSettle", () => focusAt(before), { once: true });
  }
});

/** @param {number} place */
function focusAt(place) {
  /** @type {HTMLElement | null | undefined} */ (rows?.children[place]?.querySelector("a"))?.focus({ preventScroll: true });
}
