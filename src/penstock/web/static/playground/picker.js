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
    this.#words.textContent = "Looking…";
    this.#list.replaceChildren();
    this.#dialog.showModal();
    try {
      const response = await ask("/gallery?pick=1", { headers: { accept: "text/html" } });
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
    this.#list.replaceChildren(...[...found].map(([digest, element]) => this.#row(digest, element)));
    this.#words.textContent = found.size === 0 ? "No picture is kept yet." : "The latest pictures. Choose one to add it.";
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
