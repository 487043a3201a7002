// One prompt at every model of the comparison: first what each would cost, then what each makes of it.
// @ts-check

import { ask, sentence } from "./gateway.js";

const QUIET_MS = 300;

const form = /** @type {HTMLFormElement} */ (document.querySelector("#run-form"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const total = /** @type {HTMLElement} */ (document.querySelector("#run-total"));
const columns = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".run[data-model]")]);

/** @type {number | undefined} */
let waiting;
let asked = 0;

form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(quoteAll, QUIET_MS);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  await Promise.all(columns.map(run));
  button.disabled = false;
});
quoteAll();

/**
 * The request of one model, as its endpoint takes it.
 * @param {HTMLElement} column
 */
function request(column) {
  const given = new FormData(form);
  const prompt = String(given.get("prompt")).trim();
  if (column.dataset.operation === "chat") {
    return { path: "/v1/chat/completions", body: { model: column.dataset.model, messages: [{ role: "user", content: prompt }] } };
  }
  const size = given.get("size");
  return { path: "/v1/images/generations", body: { model: column.dataset.model, prompt, ...(size && { size }), response_format: "url" } };
}

/**
 * @param {string} path
 * @param {object} body
 */
function post(path, body) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

async function quoteAll() {
  const turn = ++asked;
  if (!String(new FormData(form).get("prompt")).trim()) return;
  const amounts = await Promise.all(columns.map(quote));
  if (turn !== asked) return;
  const known = amounts.filter((amount) => amount !== null);
  const sum = known.reduce((all, amount) => all + Number(amount), 0);
  const rest = amounts.length - known.length;
  total.textContent = known.length
    ? `About $${money(sum)} together${rest ? `, beside ${rest} whose cost is not known` : ""}.`
    : "What it would cost is not known.";
}

/**
 * Shows what one model would cost; its amount, or null where that is not known.
 * @param {HTMLElement} column
 */
async function quote(column) {
  const words = /** @type {HTMLElement} */ (column.querySelector(".run-quote"));
  const { body } = request(column);
  const { response_format: _, ...fields } = /** @type {Record<string, unknown>} */ (body);
  try {
    const response = await post("/v1/quote", { ...fields, operation: column.dataset.operation });
    if (!response.ok) throw new Error(await sentence(response));
    const { offers, cheapest } = await response.json();
    const best = offers.find((/** @type {{ offer: string }} */ each) => each.offer === cheapest);
    if (best) {
      words.textContent = `${best.certainty === "exact" ? "" : "About "}$${money(best.low_usd)}, at ${best.provider}.`;
      return best.low_usd;
    }
    const here = offers.filter((/** @type {{ on: boolean }} */ each) => each.on);
    words.textContent = here.every((/** @type {{ able: boolean }} */ each) => !each.able)
      ? (here[0]?.why_not ?? "Nobody who is on here sells it.")
      : "What it would cost is not known.";
  } catch (error) {
    words.textContent = error instanceof Error ? error.message : String(error);
  }
  return null;
}

/**
 * Sends the prompt to one model and shows what comes of it.
 * @param {HTMLElement} column
 */
async function run(column) {
  const answer = /** @type {HTMLElement} */ (column.querySelector(".run-answer"));
  answer.replaceChildren(paragraph("Waiting…", "quiet"));
  const started = performance.now();
  try {
    const { path, body } = request(column);
    const response = await post(path, body);
    if (!response.ok) throw new Error(await sentence(response));
    const made = await shown(column, await response.json());
    answer.replaceChildren(made, paragraph(facts(response, started), "quiet small"));
  } catch (error) {
    answer.replaceChildren(paragraph(error instanceof Error ? error.message : String(error), "note bad"));
  }
}

/**
 * @param {HTMLElement} column
 * @param {any} answer
 */
async function shown(column, answer) {
  if (column.dataset.operation === "chat") return paragraph(answer.choices[0].message.content ?? "", "text");
  const { url } = answer.data[0];
  const picture = document.createElement("img");
  picture.className = "picture";
  picture.alt = String(new FormData(form).get("prompt"));
  const address = new URL(url, location.href);
  picture.src = address.origin === location.origin ? address.href : `${address.pathname}${address.search}`;
  await picture.decode();
  [picture.width, picture.height] = [picture.naturalWidth, picture.naturalHeight];
  return picture;
}

/**
 * @param {Response} response
 * @param {number} started
 */
function facts(response, started) {
  const cost = response.headers.get("x-penstock-cost");
  const provider = response.headers.get("x-penstock-provider");
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return `${cost === null ? "Cost not known" : `$${cost}`}, ${seconds} s${provider ? `, at ${provider}` : ""}.`;
}

/**
 * @param {string} text
 * @param {string} className
 */
function paragraph(text, className) {
  const it = document.createElement("p");
  it.className = className;
  it.textContent = text;
  return it;
}

/** @param {number | string} amount */
function money(amount) {
  return Number(amount).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 8 });
}
