// Elements found and made, with their types.
// @ts-check

/**
 * An element that the page certainly has.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} within
 * @returns {T}
 */
export function find(selector, kind, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page lacks ${selector}.`);
  return found;
}

/**
 * A new element. Properties are set as they are; those with a dash in their name, and `role`, as attributes.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} properties
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A button with something to do.
 * @param {string} words
 * @param {() => void} act
 * @param {Record<string, unknown>} properties
 */
export function button(words, act, properties = {}) {
  const made = make("button", { type: "button", className: "quiet small", ...properties }, words);
  made.addEventListener("click", act);
  return made;
}

/**
 * Text with a button that copies it.
 * @param {string} text
 * @param {string} label
 */
export function codeBlock(text, label) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }, { className: "copy" });
  const pre = make("pre", { tabIndex: 0, role: "group", "aria-label": label }, make("code", {}, text));
  return make("div", { className: "code" }, pre, copy);
}

/**
 * Something that happened, for whoever listens to the page instead of looking at it.
 * @param {string} words
 */
export function say(words) {
  const log = find("#said", HTMLElement);
  log.append(make("p", {}, words));
  while (log.childElementCount > 20) log.firstElementChild?.remove();
}
