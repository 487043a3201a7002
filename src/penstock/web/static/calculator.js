// The calculator with sliders: each is kept equal to its number, and the address says what is shown. The sums are the
// gateway's; htmx asks for them.
// @ts-check

const SETTLED_MS = 300;

/** @type {number | undefined} */
let settling;

document.addEventListener("input", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || !target.closest(".calculator-fields")) return;
  if (target.dataset.for) follow(target);
  else if (target.type === "number") lead(target);
  else if (target.name === "free") chooseOther(target);
}, true);

document.addEventListener("htmx:afterSwap", (event) => {
  if (/** @type {Element} */ (event.target).id !== "calculator-answer") return;
  clearTimeout(settling);
  settling = setTimeout(settle, SETTLED_MS);
});

/**
 * The number takes the slider's value.
 * @param {HTMLInputElement} slider
 */
function follow(slider) {
  const number = /** @type {HTMLInputElement} */ (document.getElementById(slider.dataset.for ?? ""));
  const stops = stopsOf(slider);
  number.value = stops ? stops[Number(slider.value)] : slider.value;
  slider.setAttribute("aria-valuetext", number.value);
}

/**
 * The slider takes the number's value, or the nearest it has.
 * @param {HTMLInputElement} number
 */
function lead(number) {
  const slider = document.querySelector(`[data-for="${number.id}"]`);
  if (!(slider instanceof HTMLInputElement) || number.value === "") return;
  const stops = stopsOf(slider);
  const at = stops ? stops.findLastIndex((stop) => Number(stop) <= number.valueAsNumber) : number.valueAsNumber;
  slider.value = String(Math.max(at, 0));
  slider.setAttribute("aria-valuetext", number.value);
}

/** @param {HTMLInputElement} slider */
function stopsOf(slider) {
  return slider.dataset.stops?.split(" ");
}

/**
 * Whoever types a size of their own means it.
 * @param {HTMLInputElement} free
 */
function chooseOther(free) {
  const other = document.querySelector('.calculator-fields input[value="other"]');
  if (free.value.trim() && other instanceof HTMLInputElement) other.checked = true;
}

/** Once nothing moves any more: the address for others to open, and a sentence for whoever cannot see the numbers. */
function settle() {
  const form = document.querySelector(".calculator-form");
  const shown = document.querySelector("#calculator-answer [data-query]");
  if (!(form instanceof HTMLFormElement) || !(shown instanceof HTMLElement)) return;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll('input[type="hidden"]')) {
    if (field instanceof HTMLInputElement) query.set(field.name, field.value);
  }
  for (const [name, value] of new URLSearchParams(shown.dataset.query)) query.set(name, value);
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
  history.replaceState(history.state, "", text ? `${form.getAttribute("action")}?${text}` : form.action);
  const said = document.querySelector("#calculator-said");
  if (said) said.textContent = sentence();
}

function sentence() {
  const words = document.querySelector(".calculator-summary")?.textContent ?? "";
  const amounts = [...document.querySelectorAll("#calculator-answer .stat")].map(
    (stat) => `${stat.querySelector("dt")?.textContent} ${stat.querySelector("dd")?.textContent}`,
  );
  return `${words} ${amounts.join(", ")}`;
}
