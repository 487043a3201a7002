// Where to edit: painted over the first reference, or given as rectangles. What is painted is kept as strokes, so that
// each can be undone without a copy of the whole picture.
// @ts-check

import { find } from "./dom.js";

/** @import { Reference } from "./types.js" */

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ kind: "stroke", points: Point[], thick: number, erase: boolean } | { kind: "rectangle", box: number[], erase: boolean } | { kind: "invert" } | { kind: "clear" }} Step */

const HALF = 128;

/** The panel in which a mask is painted. */
export class MaskPanel {
  #dialog = find("#mask-dialog", HTMLDialogElement);
  #under = find("canvas.under", HTMLCanvasElement);
  #paint = find("canvas.paint", HTMLCanvasElement);
  #share = find("[data-share]", HTMLElement, this.#dialog);
  #size = find("#brush-size", HTMLInputElement);
  /** @type {Step[]} */
  #steps = [];
  /** Whose strokes they are. @type {Reference | null} */
  #of = null;

  /** @param {(mask: Blob | null) => void} used */
  constructor(used) {
    this.used = used;
    const act = {
      cancel: () => this.#dialog.close(),
      undo: () => this.#undo(),
      invert: () => this.#do({ kind: "invert" }),
      clear: () => this.#do({ kind: "clear" }),
      rectangle: () => this.#rectangle(),
      use: () => void this.#use(),
    };
    for (const [name, run] of Object.entries(act)) this.#button(name).addEventListener("click", run);
    this.#paint.addEventListener("pointerdown", (event) => this.#begin(event));
    this.#paint.addEventListener("pointermove", (event) => this.#go(event));
    for (const end of ["pointerup", "pointercancel"]) this.#paint.addEventListener(end, () => (this.#stroke = null));
  }

  /** The stroke under way. @type {Step & { kind: "stroke" } | null} */
  #stroke = null;

  /** @param {Reference} first */
  async open(first) {
    if (this.#of !== first) this.#steps = [];
    this.#of = first;
    for (const canvas of [this.#under, this.#paint]) [canvas.width, canvas.height] = [first.width, first.height];
    const bitmap = await createImageBitmap(first.file, { imageOrientation: "none" });
    this.#brush(this.#under).drawImage(bitmap, 0, 0);
    bitmap.close();
    const sides = { left: [0, first.width], top: [0, first.height], wide: [first.width, first.width], high: [first.height, first.height] };
    for (const [name, [value, most]] of Object.entries(sides)) Object.assign(this.#side(name), { value: String(value), max: String(most) });
    this.#dialog.showModal();
    this.#redraw();
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.#paint.setPointerCapture(event.pointerId);
    const thick = (Number(this.#size.value) / 100) * Math.max(this.#paint.width, this.#paint.height);
    this.#stroke = { kind: "stroke", points: [this.#point(event)], thick, erase: this.#erases };
    this.#do(this.#stroke);
  }

  /** @param {PointerEvent} event */
  #go(event) {
    if (this.#stroke === null) return;
    const from = this.#stroke.points.length - 1;
    for (const part of event.getCoalescedEvents?.() ?? [event]) this.#stroke.points.push(this.#point(part));
    this.#draw({ ...this.#stroke, points: this.#stroke.points.slice(from) });
    this.#tell();
  }

  /** @param {MouseEvent} event */
  #point(event) {
    const box = this.#paint.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * this.#paint.width, y: ((event.clientY - box.top) / box.height) * this.#paint.height };
  }

  /** @param {Step} step */
  #do(step) {
    this.#steps.push(step);
    this.#draw(step);
    this.#tell();
  }

  #undo() {
    this.#steps.pop();
    this.#redraw();
  }

  #rectangle() {
    const box = ["left", "top", "wide", "high"].map((name) => Math.trunc(Number(this.#side(name).value)) || 0);
    this.#do({ kind: "rectangle", box, erase: this.#erases });
  }

  #redraw() {
    this.#brush(this.#paint).clearRect(0, 0, this.#paint.width, this.#paint.height);
    for (const step of this.#steps) this.#draw(step);
    this.#tell();
  }

  /** @param {Step} step */
  #draw(step) {
    const brush = this.#brush(this.#paint);
    const { width, height } = this.#paint;
    const erase = "erase" in step && step.erase;
    // What is painted is opaque, so "xor" with the whole turns it round.
    brush.globalCompositeOperation = step.kind === "invert" ? "xor" : erase ? "destination-out" : "source-over";
    brush.fillStyle = brush.strokeStyle = getComputedStyle(this.#paint).color;
    if (step.kind === "clear") brush.clearRect(0, 0, width, height);
    if (step.kind === "invert") brush.fillRect(0, 0, width, height);
    if (step.kind === "rectangle") brush.fillRect(step.box[0], step.box[1], step.box[2], step.box[3]);
    if (step.kind === "stroke") line(brush, step.points, step.thick);
  }

  #tell() {
    this.#button("undo").disabled = this.#steps.length === 0;
    this.#share.textContent = this.#steps.length === 0 ? "Nothing is painted yet." : `${this.#steps.length} ${this.#steps.length === 1 ? "step" : "steps"} so far.`;
  }

  async #use() {
    const mask = this.#polar();
    if (mask === null) {
      this.#share.textContent = "Nothing is painted, so nothing would be edited.";
      return;
    }
    this.#dialog.close();
    this.used(await new Promise((resolve) => mask.toBlob(resolve, "image/png")));
  }

  /** The mask as OpenAI has it: what is painted is transparent, wholly, and all else is black. */
  #polar() {
    const { width, height } = this.#paint;
    const pixels = this.#brush(this.#paint).getImageData(0, 0, width, height);
    // One number for each pixel, its alpha in the highest byte: every machine that browsers run on stores them so.
    const whole = new Uint32Array(pixels.data.buffer);
    let painted = 0;
    for (let at = 0; at < whole.length; at++) {
      const edit = whole[at] >>> 24 >= HALF;
      whole[at] = edit ? 0 : 0xff000000;
      painted += Number(edit);
    }
    if (painted === 0) return null;
    const mask = document.createElement("canvas");
    [mask.width, mask.height] = [width, height];
    this.#brush(mask).putImageData(pixels, 0, 0);
    return mask;
  }

  get #erases() {
    return find("input[name=brush]:checked", HTMLInputElement, this.#dialog).value === "erase";
  }

  /** @param {HTMLCanvasElement} canvas */
  #brush(canvas) {
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    if (brush === null) throw new Error("This browser cannot draw.");
    return brush;
  }

  /** @param {string} name */
  #button(name) {
    return find(`[data-do="${name}"]`, HTMLButtonElement, this.#dialog);
  }

  /** @param {string} name */
  #side(name) {
    return find(`#rectangle-${name}`, HTMLInputElement);
  }
}

/**
 * @param {CanvasRenderingContext2D} brush
 * @param {Point[]} points
 * @param {number} thick
 */
function line(brush, points, thick) {
  brush.lineWidth = thick;
  brush.lineCap = brush.lineJoin = "round";
  brush.beginPath();
  brush.moveTo(points[0].x, points[0].y);
  for (const { x, y } of points.length > 1 ? points.slice(1) : points) brush.lineTo(x, y);
  brush.stroke();
}
