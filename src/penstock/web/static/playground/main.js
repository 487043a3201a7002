// The playground: what is asked of which models, what it costs, and what comes back.
// @ts-check

import { ask, toast } from "../gateway.js";
import { Chat } from "./chat.js";
import { find, make } from "./dom.js";
import { Failure, asFailure } from "./failures.js";
import { MaskPanel } from "./mask.js";
import { address, keep, kept } from "./memory.js";
import { Models } from "./models.js";
import { GalleryPanel } from "./picker.js";
import { priceOf } from "./quote.js";
import { References } from "./references.js";
import { quoteOf } from "./request.js";
import { Card, addRow } from "./results.js";
import { run } from "./run.js";
import { Settings, drawn } from "./settings.js";

/** @import { Abilities, Model, Wish } from "./types.js" */

const PATIENCE_MS = 250;

const page = find("#playground", HTMLElement);
const form = find("#wish", HTMLFormElement);
const prompt = find("#prompt", HTMLTextAreaElement);
const go = find("#make", HTMLButtonElement);
const status = find("#status", HTMLElement);
const models = new Models(changed);
const settings = new Settings(changed);
const references = new References(changed);
const masks = new MaskPanel((mask) => references.setMask(mask));
const chat = new Chat({ edit: (picture) => void references.add([picture]), lost, changed: changedChat });
new GalleryPanel((digest) => void references.addKept(digest));
references.onMask = (first) => void masks.open(first);

/** What each model takes, by its slug. @type {Map<string, Abilities>} */
const abilities = new Map();
let who = page.dataset.who ?? "";
let waiting = 0;
let asking = new AbortController();
let ready = false;

/** @param {string} slug */
const abilitiesOf = (slug) => abilities.get(slug) ?? {};

/** @returns {Wish} */
const wish = () => ({ prompt: prompt.value.trim(), ...settings.values, references: [...references.all], mask: references.mask });

/** Something is different: it is remembered, stands in the address, and what it costs is asked. */
function changed() {
  if (!ready) return;
  status.textContent = "";
  settings.offer(models.kind === "pictures" ? models.chosen.map(({ slug }) => abilities.get(slug)).filter((found) => found !== undefined) : []);
  models.forgetPrices();
  remember();
  asking.abort();
  clearTimeout(waiting);
  waiting = window.setTimeout(() => void askPrices(), PATIENCE_MS);
}

function changedChat() {
  go.disabled = models.kind === "chat" && chat.busy;
  changed();
}

function remember() {
  const chosen = { pictures: models.slugs("pictures"), chat: models.slugs("chat") };
  const digests = references.all.map(({ digest }) => digest).filter((digest) => digest !== null);
  address(chosen[models.kind], prompt.value.trim(), models.kind === "pictures" ? settings.size : "", digests);
  keep({ who, search: location.search, kind: models.kind, prompt: prompt.value, models: chosen, settings: settings.values });
}

async function askPrices() {
  asking = new AbortController();
  const { signal } = asking;
  await Promise.all(models.chosen.map(async ({ slug }) => {
    try {
      const now = wish();
      const question = models.kind === "chat" ? await chat.quoteOf(slug, now.prompt, now.references) : await quoteOf(slug, now, abilitiesOf(slug));
      const price = await priceOf(question, signal);
      if (!signal.aborted) models.setPrice(slug, price);
    } catch (error) {
      if (!signal.aborted) complain(asFailure(error));
    }
  }));
}

/** @param {Failure} failure */
function complain(failure) {
  status.textContent = failure.message;
  if (failure.lost) lost(failure);
}

/**
 * The session is over, or another one: whoever signs in here next gets back what was written.
 * @param {Failure} failure
 */
function lost(failure) {
  who = "";
  remember();
  const [words, way] = failure.signedOut ? ["You are signed out. ", "Sign in again"] : ["This page is of another session. ", "Load it again"];
  status.replaceChildren(words, make("a", { href: failure.signedOut ? "/sign-in?next=/playground" : "/playground" }, way), "; what you wrote is kept.");
}

/** @param {Event} event */
function submit(event) {
  event.preventDefault();
  const now = wish();
  const chosen = models.chosen;
  const able = chosen.filter(({ slug }) => !models.unable.has(slug));
  if (now.prompt === "") {
    status.textContent = models.kind === "chat" ? "Write a message first." : "Write what should be in the picture first.";
    prompt.focus();
  } else if (able.length === 0) {
    status.textContent = chosen.length === 0 ? "Choose a model first." : "None of the chosen models can do this; the reasons stand beside them.";
  } else if (models.kind === "chat") {
    void talk(able[0], now);
  } else {
    makeAll(able, now);
  }
}

/**
 * @param {Model} model
 * @param {Wish} now
 */
async function talk(model, now) {
  if (chat.busy) return;
  prompt.value = "";
  const sent = chat.send(model, now.prompt, now.references);
  references.clear();
  prompt.focus();
  await sent;
}

/**
 * @param {Model[]} chosen
 * @param {Wish} now
 */
function makeAll(chosen, now) {
  const begun = chosen.map((model) => askOne(model, now));
  addRow(now, begun.map(({ element }) => element));
  find(".outcome", HTMLElement).scrollIntoView({ block: "nearest" });
}

/**
 * @param {Model} model
 * @param {Wish} now
 * @returns {Card}
 */
function askOne(model, now) {
  const stopping = new AbortController();
  const able = abilitiesOf(model.slug);
  const card = new Card(model, now, able, {
    stop: () => stopping.abort(),
    again: () => makeAll([model], now),
    reseed: () => makeAll([model], { ...now, seed: "seed" in able ? drawn() : null }),
    edit: (digest) => void editAgain(digest),
  });
  run(model.slug, now, able, stopping.signal, (preview) => card.preview(preview)).then(
    (outcome) => card.done(outcome),
    (error) => {
      if (stopping.signal.aborted) return card.stopped();
      const failure = asFailure(error);
      card.failed(failure);
      if (failure.lost) lost(failure);
    },
  );
  return card;
}

/** @param {string} digest */
async function editAgain(digest) {
  references.clear();
  await references.addKept(digest);
  prompt.focus();
  toast("It is the reference now: write what should become of it.", "good");
}

/** @param {"pictures" | "chat"} kind */
function turnTo(kind) {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-for]"))) part.hidden = part.dataset.for !== kind;
  find("#prompt-name", HTMLElement).textContent = kind === "chat" ? "Message" : "Prompt";
  find("#references-title", HTMLElement).textContent = kind === "chat" ? "Pictures to send with it" : "References";
  go.textContent = kind === "chat" ? "Send" : "Make";
  go.disabled = kind === "chat" && chat.busy;
  references.masks = kind === "pictures";
  models.kind = kind;
  references.redraw();
}

async function loadAbilities() {
  const response = await ask("/api/v1/images/models");
  if (!response.ok) return;
  for (const { id, supported_parameters } of (await response.json()).data) abilities.set(id, supported_parameters);
}

async function start() {
  const before = kept(who);
  const kind = before?.kind ?? /** @type {"pictures" | "chat"} */ (find("input[name=kind]:checked", HTMLInputElement).value);
  if (before) {
    prompt.value = before.prompt;
    models.choose("pictures", before.models.pictures);
    models.choose("chat", before.models.chat);
    settings.values = before.settings;
    find(`input[name=kind][value=${kind}]`, HTMLInputElement).checked = true;
  }
  await loadAbilities();
  for (const digest of (page.dataset.references ?? "").split(" ").filter(Boolean)) await references.addKept(digest);
  form.addEventListener("submit", submit);
  form.addEventListener("input", (event) => {
    const { target } = event;
    if (target instanceof HTMLInputElement && target.name === "kind") turnTo(/** @type {"pictures" | "chat"} */ (target.value));
    else changed();
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  ready = true;
  turnTo(kind);
}

void start();
