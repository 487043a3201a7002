// Sends requests from the documentation page. The key stays in its input: it is never stored and goes to this host only.

const SHOWN = ["x-penstock-provider", "x-penstock-cost", "x-penstock-latency-ms", "x-request-id", "content-type"];
const LONGEST_STRING = 120;
const LONGEST_ANSWER = 200_000;

const key = document.querySelector("#key");
document.querySelector("form.key").hidden = false;
document.querySelector("form.key").addEventListener("submit", (event) => event.preventDefault());
document.querySelectorAll("form.try").forEach(wire);
document.querySelectorAll("figure").forEach(addCopy);

function wire(form) {
  const cancel = form.querySelector("[data-cancel]");
  let running = null;
  form.hidden = false;
  cancel.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    cancel.hidden = false;
    try {
      await send(form, running.signal);
    } catch (error) {
      say(form, error.name === "AbortError" ? "Cancelled." : error.message, true);
    }
    cancel.hidden = true;
    running = null;
  });
}

async function send(form, signal) {
  const request = requestOf(form);
  if (form.dataset.keyed === "yes" && !key.value.trim()) {
    key.focus();
    throw new Error("This needs a key; type it at the top of the page.");
  }
  say(form, "Waiting…");
  const started = performance.now();
  const response = await fetch(request.url, { ...request.options, signal, cache: "no-store" });
  const answer = form.querySelector(".answer");
  const type = response.headers.get("content-type") ?? "";
  answer.hidden = false;
  answer.querySelector(".pictures").replaceChildren();
  answer.querySelector("pre").textContent = "";
  showFacts(answer, response);
  if (type.startsWith("text/event-stream")) await showEvents(answer, response);
  else if (type.startsWith("image/")) await showBlob(answer, await response.blob());
  else showText(answer, await response.text());
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  say(form, `${response.status} ${response.statusText} in ${seconds} s`, !response.ok);
}

function requestOf(form) {
  const { method, path } = form.dataset;
  const headers = {};
  const query = new URLSearchParams();
  const fields = new FormData();
  let url = path;
  let body;
  if (key.value.trim()) headers.authorization = `Bearer ${key.value.trim()}`;
  for (const input of form.querySelectorAll("[data-in]")) {
    input.removeAttribute("aria-invalid");
    const value = input.value.trim();
    if (input.dataset.in === "path") url = url.replace(`{${input.name}}`, encodeURIComponent(value).replaceAll("%2F", "/"));
    else if (input.dataset.in === "query" && value) query.set(input.name, value);
    else if (input.type === "file") for (const file of input.files) fields.append(input.name, file);
    else if (input.dataset.in === "form" && value) fields.append(input.name, value);
    else if (input.dataset.in === "body") body = checkedJson(input);
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  else if (method === "POST") body = fields;
  return { url: query.size ? `${url}?${query}` : url, options: { method, headers, body } };
}

function checkedJson(input) {
  try {
    JSON.parse(input.value);
  } catch (error) {
    input.setAttribute("aria-invalid", "true");
    input.focus();
    throw new Error(`The body is not JSON: ${error.message}`);
  }
  return input.value;
}

function say(form, words, bad = false) {
  const status = form.querySelector(".status");
  status.textContent = words;
  status.classList.toggle("bad", bad);
}

function showFacts(answer, response) {
  const rows = SHOWN.filter((name) => response.headers.has(name)).map((name) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = name;
    value.textContent = response.headers.get(name);
    row.append(term, value);
    return row;
  });
  answer.querySelector(".facts").replaceChildren(...rows);
}

function showText(answer, text) {
  let shown = text;
  try {
    shown = readable(answer, JSON.parse(text));
  } catch {
    // Not JSON: a page, or a line of text.
  }
  append(answer, shown);
}

async function showEvents(answer, response) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) showEventLine(answer, line);
    if (done) return;
  }
}

function showEventLine(answer, line) {
  if (!line.startsWith("data: {")) append(answer, `${line}\n`);
  else append(answer, `data: ${readable(answer, JSON.parse(line.slice(6)), 0)}\n`);
}

// The value as text, its pictures shown and their base64 cut.
function readable(answer, value, indent = 2) {
  const text = JSON.stringify(
    value,
    function cut(name, item) {
      if (typeof item !== "string" || item.length <= LONGEST_STRING) return item;
      if (name === "b64_json") showPicture(answer, `data:${this.media_type ?? "image/png"};base64,${item}`);
      else if (item.startsWith("data:image/")) showPicture(answer, item);
      else if (item.length <= 20 * LONGEST_STRING) return item;
      return `${item.slice(0, 60)}… (${item.length.toLocaleString("en")} characters)`;
    },
    indent,
  );
  return text ?? "";
}

function showPicture(answer, address) {
  const pictures = answer.querySelector(".pictures");
  const picture = document.createElement("img");
  picture.src = address;
  picture.alt = `Picture ${pictures.children.length + 1} of the answer`;
  pictures.append(picture);
}

async function showBlob(answer, blob) {
  const reader = new FileReader();
  const read = new Promise((resolve) => reader.addEventListener("load", resolve, { once: true }));
  reader.readAsDataURL(blob);
  await read;
  showPicture(answer, reader.result);
  append(answer, `${blob.size.toLocaleString("en")} bytes of ${blob.type}`);
}

function append(answer, text) {
  const box = answer.querySelector("pre");
  const room = LONGEST_ANSWER - box.textContent.length;
  if (room > 0) box.append(text.length > room ? `${text.slice(0, room)}\n… cut here` : text);
}

function addCopy(figure) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(figure.querySelector("pre").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  figure.append(button);
}
