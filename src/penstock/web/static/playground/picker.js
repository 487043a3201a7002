// Pictures of the gallery, to be taken as references: what the gallery's page shows, with fewer words.
// @ts-check

import { ask, sentence } from "../gateway.js";
import { button, find, make } from "./dom.js";

/** The panel that shows the latest pictures. */
export class GalleryPanel {
  #dialog = find("#gallery-dialog", HTMLDialogElement);
  #list = find("#gallery-dialog .pick", HTMLElement);
  #words = find("#gallery-dialog [data-words]", HTMLElement);

  /** @param {(digest: string) => void} taken */
  constructor(taken) {
    this.taken = taken;
    find("[data-do=cancel]", HTMLElement, this.#dialog).addEventListener("click", () => this.#dialog.close());
    find('[data-add="gallery"]', HTMLElement).addEventListener("click", () => void this.open());
  }

  async open() {
    this.#list.replaceChildren();
    this.#dialog.showModal();
    await this.#load("/gallery?pick=1");
  }

  /** @param {string} path */
  async #load(path) {
    this.#words.textContent = "Looking…";
    try {
      const response = await ask(path, { headers: { accept: "text/html" } });
      if (!response.ok) throw new Error(await sentence(response));
      this.#show(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch (error) {
      this.#words.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {Document} gallery */
  #show(gallery) {
    /** @type {Map<string, Element>} */
    const found = new Map();
    for (const element of gallery.querySelectorAll("[data-digest]")) {
      const digest = element.getAttribute("data-digest") ?? "";
      if (/^[0-9a-f]{64}$/.test(digest) && !found.has(digest)) found.set(digest, element);
    }
    const rows = [...found].map(([digest, element]) => this.#row(digest, element));
    this.#list.append(...rows);
    const older = gallery.querySelector('a[rel="next"]')?.getAttribute("href");
    if (older) this.#list.append(this.#more(older));
    const none = this.#list.childElementCount === 0;
    this.#words.textContent = none ? "No picture is kept yet." : "The latest pictures. Choose one to add it.";
    (rows[0]?.querySelector("button") ?? this.#dialog).focus();
  }

  /** @param {string} path */
  #more(path) {
    const row = make("li", { className: "more" }, button("Older pictures", () => {
      row.remove();
      void this.#load(path);
    }));
    return row;
  }

  /**
   * @param {string} digest
   * @param {Element} element
   */
  #row(digest, element) {
    const shown = element.matches("img") ? element : element.querySelector("img");
    const alt = shown?.getAttribute("alt") || `Picture ${digest.slice(0, 8)}`;
    const size = { width: Number(shown?.getAttribute("width")) || 320, height: Number(shown?.getAttribute("height")) || 320 };
    const take = button("", () => {
      this.#dialog.close();
      this.taken(digest);
    }, { className: "take" });
    take.append(make("img", { className: "picture", src: `/v1/assets/${digest}?width=320`, alt, loading: "lazy", ...size }));
    return make("li", {}, take);
  }
}
