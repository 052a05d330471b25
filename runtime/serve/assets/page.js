"use strict";
// The page of `python -m runtime serve`: everything it shows comes from the API on the same address.

const $ = id => document.getElementById(id);
const percent = value => `${(100 * value).toFixed(0)} %`;
const REFRESH_MS = 10000, RETRY_MS = 3000, SHOWN = 5, ROWS = 50;
let model = null, source = null, refresher = 0;

class Unauthorised extends Error {}

async function request(path, options = {}) {
  const response = await fetch(path, options);
  if (response.status === 401) throw new Unauthorised();
  if (!response.ok) {
    const text = await response.text();
    let sentence = text;
    try { sentence = JSON.parse(text).error; } catch { /* not ours: a proxy's */ }
    throw new Error(sentence || response.statusText);
  }
  return response;
}

const json = async path => (await request(path)).json();
const post = (path, value) => request(path, {
  method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(value),
});

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function showScores(table, probabilities) {
  const best = Object.entries(probabilities || {}).sort((one, other) => other[1] - one[1]).slice(0, SHOWN);
  table.tBodies[0].replaceChildren(...best.map(([label, value]) => {
    const row = element("tr"), head = element("th", label, row);
    head.scope = "row"; head.className = "text";
    const meter = element("meter", undefined, element("td", undefined, row));
    meter.value = value; meter.setAttribute("aria-label", label);
    element("td", percent(value), row);
    return row;
  }));
}

function fillLabels(select, chosen) {
  select.replaceChildren(...model.labels.map(label => {
    const option = element("option", label);
    option.value = label; option.selected = label === chosen;
    return option;
  }));
}

// ---- the spectrogram: the newest columns, each a byte per band

const spectrogram = {
  columns: [], next: 0, palette: null,

  start() {
    const data = Uint8Array.from(atob(model.colours), letter => letter.charCodeAt(0));
    this.palette = new Uint32Array(256);
    const bytes = new Uint8Array(this.palette.buffer);
    for (let at = 0; at < 256; at++) bytes.set([...data.subarray(3 * at, 3 * at + 3), 255], 4 * at);
    this.columns = []; this.next = 0;
    $("spectrogram").width = model.columns; $("spectrogram").height = model.bands;
  },

  add(first, text) {
    const data = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    if (first < this.next) this.columns = [];  // another process counts from 0 again
    for (let at = 0; at < data.length; at += model.bands) this.columns.push(data.subarray(at, at + model.bands));
    this.next = first + data.length / model.bands;
    this.columns = this.columns.slice(-model.columns);
    requestAnimationFrame(() => this.draw());
  },

  draw() {
    const canvas = $("spectrogram"), context = canvas.getContext("2d"), {width, height} = canvas;
    const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    let loudest = 0;
    for (const column of this.columns) for (const value of column) if (value > loudest) loudest = value;
    const floor = loudest - model.contrast, left = width - this.columns.length;
    pixels.fill(this.palette[0]);
    this.columns.forEach((column, at) => {
      for (let band = 0; band < height; band++) {
        const share = Math.max(0, column[band] - floor) / model.contrast;
        pixels[(height - 1 - band) * width + left + at] = this.palette[Math.round(255 * share)];
      }
    });
    context.putImageData(image, 0, 0);
  },
};

// ---- now

const SOURCES = {
  off: "Nothing listens here: drop a file.", waiting: "Waiting for sound.", listening: "Listening.",
  stalled: "No sound comes from the source.", ended: "The sound has ended.",
};

function showNow(now) {
  $("status").textContent = SOURCES[now.source];
  const label = now.labels && now.labels.length ? now.labels.join(", ") : now.label || "–";
  if ($("label").textContent !== label) { $("label").textContent = label; refresh(); }
  $("confidence").textContent = now.confidence == null ? "" : percent(now.confidence);
  showScores($("scores"), now.probabilities);
  $("keep-now").hidden = !(model.keeps_clips && now.state);
  if (now.state === "label" && !$("keep-now").contains(document.activeElement)) $("keep-now-label").value = now.label;
}

function connect() {
  if (source) source.close();
  source = new EventSource("/api/stream");
  source.addEventListener("now", event => showNow(JSON.parse(event.data)));
  source.addEventListener("columns", event => {
    const {first, data} = JSON.parse(event.data);
    spectrogram.add(first, data);
  });
  source.onerror = () => {
    source.close();
    $("status").textContent = "The connection is lost. Trying again …";
    setTimeout(start, RETRY_MS);
  };
}

// ---- the last ten minutes, counts and events

async function refresh() {
  clearTimeout(refresher);
  refresher = setTimeout(refresh, REFRESH_MS);
  try {
    if (model.source !== "off") $("recent").innerHTML = await (await request("/api/charts/recent")).text();
    $("counts").innerHTML = await (await request(`/api/charts/counts?by=${$("by").value}`)).text();
    const busy = $("events").contains(document.activeElement)
      || [...$("events").querySelectorAll("audio")].some(player => !player.paused);
    if (!busy && !$("events").dataset.older) showEvents((await json(`/api/events?limit=${ROWS}`)).events, false);
  } catch (error) { /* the stream reports a lost connection */ }
}

function showEvents(events, append) {
  const body = $("events").tBodies[0], rows = events.map(eventRow);
  if (append) body.append(...rows); else body.replaceChildren(...rows);
  $("no-events").hidden = body.rows.length > 0;
  $("events").parentElement.hidden = body.rows.length === 0;
  $("older").hidden = events.length < ROWS;
  if (events.length) $("older").dataset.before = events.at(-1).id;
}

function eventRow(event) {
  const row = element("tr"), begin = new Date(event.start);
  const today = begin.toDateString() === new Date().toDateString();
  element("td", today ? begin.toLocaleTimeString() : begin.toLocaleString([], {dateStyle: "short", timeStyle: "short"}), row);
  element("td", event.label, row).className = "text";
  element("td", percent(event.probability), row);
  element("td", ((new Date(event.end) - begin) / 1000).toFixed(1), row);
  const sound = element("td", undefined, row), correct = element("td", undefined, row);
  sound.className = correct.className = "text";
  if (!event.clip) return row;
  const player = element("audio", undefined, sound);
  player.controls = true; player.preload = "none"; player.src = event.clip;
  player.setAttribute("aria-label", `${event.label} at ${begin.toLocaleTimeString()}`);
  const form = element("form", undefined, correct), select = element("select", undefined, form);
  form.className = "row";
  select.setAttribute("aria-label", "Correct label");
  fillLabels(select, event.confirmed || event.label);
  element("button", "Confirm", form);
  const done = element("span", event.confirmed ? `is ${event.confirmed}` : "", form);
  done.setAttribute("role", "status");
  form.onsubmit = submit(async () => {
    await post(`/api/events/${event.id}/label`, {label: select.value});
    return `is ${select.value}`;
  });
  return row;
}

// ---- a form's work, with a sentence about how it went

function submit(work) {
  return async event => {
    event.preventDefault();
    const form = event.target, button = form.querySelector("button"), status = form.querySelector("[role=status]");
    button.disabled = true; status.textContent = "…";
    try { status.textContent = await work(); }
    catch (error) { status.textContent = error instanceof Unauthorised ? "Log in again." : error.message; }
    button.disabled = false;
  };
}

// ---- a file

let file = null;

async function classify(chosen) {
  file = chosen;
  $("result").hidden = true;
  if (file.size > model.max_bytes) {
    $("file-status").textContent = `${file.name} is larger than ${model.max_bytes / 1e6} MB.`;
    return;
  }
  $("file-status").textContent = `Listening to ${file.name} …`;
  try {
    const answer = await (await request("/api/classify?chart=1", {method: "POST", body: file})).json();
    if (file !== chosen) return;
    const named = answer.labels && answer.labels.length ? answer.labels.join(", ") : answer.label;
    $("file-label").textContent = named;
    $("file-confidence").textContent = answer.confidence == null ? "" : percent(answer.confidence);
    showScores($("file-scores"), answer.state === "silence" ? {} : answer.probabilities);
    $("file-chart").innerHTML = answer.chart;
    URL.revokeObjectURL($("player").src);
    $("player").src = URL.createObjectURL(file);
    fillLabels($("keep-file-label"), answer.label);
    $("keep-file").hidden = !model.keeps_clips;
    $("keep-file").querySelector("[role=status]").textContent = "";
    $("file-status").textContent = [`${file.name}, ${answer.seconds.toFixed(1)} s`, ...answer.warnings].join(". ");
    $("result").hidden = false;
  } catch (error) {
    $("file-status").textContent = error instanceof Unauthorised ? "Log in again." : error.message;
  }
}

function prepare() {
  const drop = $("drop");
  $("file").onchange = () => { if ($("file").files.length) classify($("file").files[0]); };
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, event => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", event => {
    event.preventDefault();
    if (event.dataTransfer.files.length) classify(event.dataTransfer.files[0]);
  });
  $("keep-file").onsubmit = submit(async () => {
    const label = $("keep-file-label").value;
    const answer = await request(`/api/clips?label=${encodeURIComponent(label)}`, {method: "POST", body: file});
    return `kept as ${(await answer.json()).clip}`;
  });
  $("keep-now").onsubmit = submit(async () => {
    const answer = await post("/api/now/label", {label: $("keep-now-label").value});
    return `kept as ${(await answer.json()).clip}`;
  });
  $("login").onsubmit = async event => {
    event.preventDefault();
    try { await post("/api/login", {token: $("token").value}); start(); }
    catch (error) { $("login-error").textContent = error instanceof Unauthorised ? "This is not the token." : error.message; }
  };
  $("by").onchange = refresh;
  $("older").onclick = async () => {
    $("events").dataset.older = "yes";
    showEvents((await json(`/api/events?limit=${ROWS}&before=${$("older").dataset.before}`)).events, true);
  };
}

async function start() {
  try {
    model = await json("/api/model");
  } catch (error) {
    const locked = error instanceof Unauthorised;
    $("login").hidden = !locked; $("content").hidden = locked || !model;
    $("status").textContent = locked ? "Locked." : "The connection is lost. Trying again …";
    if (locked) $("token").focus(); else setTimeout(start, RETRY_MS);
    return;
  }
  $("login").hidden = true; $("content").hidden = false;
  $("live").hidden = model.source === "off";
  $("model").textContent = model.model;
  $("notice").textContent = model.notice;
  fillLabels($("keep-now-label"));
  spectrogram.start();
  connect();
  refresh();
}

prepare();
start();
