// The pictures that others are made from: dropped, pasted, chosen or taken from the gallery, in an order that counts.
// @ts-check

import { ask, sentence, toast } from "../gateway.js";
import { button, find, make, say } from "./dom.js";

/** @import { Reference } from "./types.js" */

const THUMBNAIL = 72;

/** The list of references, and the mask that belongs to the first of them. */
export class References {
  #root = find("#references", HTMLElement);
  #list = find("#references ol", HTMLElement);
  #most = Number(find("#playground", HTMLElement).dataset.mostReferences);
  /** @type {Reference[]} */
  #all = [];
  /** @type {Blob | null} */
  mask = null;
  /** Whether a mask can be painted; in a conversation there is none. */
  masks = true;
  /** @type {(first: Reference) => void} */
  onMask = () => undefined;

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    const chooser = find("input[type=file]", HTMLInputElement, this.#root);
    find('[data-add="file"]', HTMLElement).addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
      void this.add([...(chooser.files ?? [])]);
      chooser.value = "";
    });
    document.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
    document.addEventListener("drop", (event) => {
      this.#hover(false);
      this.#take(event, event.dataTransfer);
    });
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.#hover(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) this.#hover(false);
    });
  }

  get all() {
    return this.#all;
  }

  /** @param {(File | Blob)[]} files */
  async add(files, digest = /** @type {string | null} */ (null)) {
    for (const file of files) {
      const name = file instanceof File ? file.name : "picture";
      if (this.#all.length >= this.#most) {
        toast(`At most ${this.#most} references can be sent.`);
        break;
      }
      try {
        // Turned as it is stored, not as a camera's mark says: so the gateway measures it.
        const bitmap = await createImageBitmap(file, { imageOrientation: "none" });
        const { width, height } = bitmap;
        bitmap.close();
        this.#all.push({ file, name, width, height, digest, address: URL.createObjectURL(file) });
        say(`Reference ${this.#all.length} added: ${name}, ${width} × ${height}.`);
      } catch {
        toast(`${name.slice(0, 80)} is no picture that this browser can read.`);
      }
    }
    this.#show();
  }

  /** @param {string} digest Of a picture that this gateway keeps. */
  async addKept(digest) {
    const response = await ask(`/v1/assets/${digest}`);
    if (!response.ok) return toast(await sentence(response));
    await this.add([await response.blob()], digest);
  }

  clear() {
    for (const { address } of this.#all) URL.revokeObjectURL(address);
    this.#all = [];
    this.mask = null;
    this.#show();
  }

  /** @param {Blob | null} mask */
  setMask(mask) {
    this.mask = mask;
    this.#show();
  }

  redraw() {
    this.#show();
  }

  /**
   * @param {Event} event
   * @param {DataTransfer | null} brought
   */
  #take(event, brought) {
    const files = [...(brought?.files ?? [])];
    if (files.length === 0 || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    void this.add(files);
  }

  /** @param {boolean} over */
  #hover(over) {
    this.#root.classList.toggle("over", over);
  }

  #show() {
    this.#list.replaceChildren(...this.#all.map((reference, place) => this.#row(reference, place)));
    this.changed();
  }

  /**
   * @param {Reference} reference
   * @param {number} place
   */
  #row(reference, place) {
    const number = place + 1;
    const { width, height, name, address } = reference;
    const scale = THUMBNAIL / Math.max(width, height);
    const image = make("img", { className: "picture", src: address, alt: `Reference ${number}: ${name}`, width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
    const facts = make("span", { className: "small quiet" }, `${width} × ${height}`);
    const ways = make("span", { className: "row" });
    if (place > 0) ways.append(this.#step(`Move reference ${number} earlier`, "↑", place, -1));
    if (place < this.#all.length - 1) ways.append(this.#step(`Move reference ${number} later`, "↓", place, 1));
    ways.append(button("Remove", () => this.#remove(place), { className: "plain small", "aria-label": `Remove reference ${number}` }));
    if (place === 0 && this.masks) ways.append(...this.#masking(reference));
    return make("li", {}, make("span", { className: "thumb" }, image, make("span", { className: "tag accent" }, String(number))), make("span", { className: "stack tight" }, facts, ways));
  }

  /** @param {Reference} first */
  #masking(first) {
    const paint = button(this.mask ? "Change the mask" : "Paint a mask", () => this.onMask(first));
    if (!this.mask) return [paint];
    return [paint, make("span", { className: "tag good" }, "Masked"), button("Remove the mask", () => this.setMask(null), { className: "plain small" })];
  }

  /**
   * @param {string} label
   * @param {string} sign
   * @param {number} place
   * @param {number} by
   */
  #step(label, sign, place, by) {
    return button(sign, () => {
      const [moved] = this.#all.splice(place, 1);
      this.#all.splice(place + by, 0, moved);
      if (place === 0 || place + by === 0) this.#dropMask();
      this.#show();
      const ways = this.#list.children[place + by].querySelectorAll("button");
      ([...ways].find((way) => way.textContent === sign) ?? ways[0]).focus();
    }, { className: "plain small", "aria-label": label });
  }

  /** @param {number} place */
  #remove(place) {
    const [removed] = this.#all.splice(place, 1);
    URL.revokeObjectURL(removed.address);
    if (place === 0) this.#dropMask();
    this.#show();
    find('[data-add="file"]', HTMLElement).focus();
  }

  #dropMask() {
    if (this.mask) toast("The mask belonged to the reference that was first, and is gone.", "good");
    this.mask = null;
  }
}
