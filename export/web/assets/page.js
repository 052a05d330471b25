// The page: a file or the microphone in, the worker's answers out.

import { rateOf } from "./rate.js";

const MANY = 20; // of more labels than these, FEW are shown
const FEW = 10;
const EVERY = 1; // seconds of new sound between two answers to the microphone
const element = (id) => document.getElementById(id);
const worker = new Worker("classifier.js", { type: "module" });
const waiting = new Map();
let calls = 0;
let card, microphone, broken;

/** Post a job to the worker; return its answer. */
function answer(kind, job, transfer = []) {
  if (broken) return Promise.reject(broken);
  const id = ++calls;
  worker.postMessage({ id, kind, ...job }, transfer);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

worker.addEventListener("message", ({ data: { id, result, problem } }) => {
  const call = waiting.get(id);
  waiting.delete(id);
  if (problem) call?.reject(new Error(problem));
  else call?.resolve(result);
});

worker.addEventListener("error", () => {
  broken = absent("classifier.js, or a file that it needs,");
  for (const { reject } of waiting.values()) reject(broken);
});

function absent(name) {
  return new Error(`${name} cannot be loaded: export the folder again.`);
}

async function json(name) {
  const response = await fetch(name).catch(() => undefined);
  if (!response?.ok) throw absent(name);
  return response.json();
}

async function started() {
  const files = await json("files.json");
  card = await json("card.json");
  element("title").textContent = card.model;
  document.title = card.model;
  describe();
  report(`Loading the network (${(files.model.bytes / 1e6).toFixed(1)} MB) …`);
  await answer("load", { files, card });
  report("Ready.");
  for (const id of ["choose", "listen"]) element(id).disabled = false;
}

function report(text) {
  element("status").textContent = text;
}

/** Run a task; what goes wrong is one sentence on the page. */
async function tried(task) {
  element("problem").textContent = "";
  try {
    await task();
  } catch (error) {
    stopped();
    report("");
    element("result").hidden = true;
    element("problem").textContent = error.message;
  }
}

async function classify(file) {
  stopped();
  report(`Classifying ${file.name} …`);
  const start = performance.now();
  const sound = await decoded(file).catch(() => {
    throw new Error(`${file.name} is no audio file that this browser can decode.`);
  });
  const rate = sound.sampleRate;
  const channels = Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at).slice());
  const result = await answer("sound", { channels, rate }, channels.map((channel) => channel.buffer));
  show(result, file.name);
  const player = element("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(file);
  player.hidden = false;
  report(`${sound.duration.toFixed(1)} s of sound, classified in ${((performance.now() - start) / 1000).toFixed(1)} s.`);
}

/** Return a file's sound at its own rate: resampling is the worker's, alike in every browser. */
async function decoded(file) {
  const bytes = await file.arrayBuffer();
  let context;
  try {
    context = new OfflineAudioContext(1, 1, rateOf(bytes));
  } catch {
    context = new OfflineAudioContext(1, 1, card.front_end.sample_rate); // no rate, or none that a browser has
  }
  return context.decodeAudioData(bytes);
}

async function listening() {
  const stream = await navigator.mediaDevices
    ?.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
    .catch((error) => {
      throw new Error(
        error.name === "NotAllowedError"
          ? "The microphone is not allowed: allow it in the browser's settings for this page."
          : `The microphone cannot be used: ${error.message}.`,
      );
    });
  if (!stream) throw new Error("The microphone needs an https or localhost address.");
  const context = new AudioContext();
  microphone = { stream, context };
  element("listen").textContent = "Stop";
  element("listen").setAttribute("aria-pressed", "true");
  report("Listening …");
  element("player").hidden = true;
  await context.audioWorklet.addModule("recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  worker.postMessage({ kind: "forget" });
  let fresh = 0;
  let busy = false;
  recorder.port.onmessage = ({ data: samples }) => {
    if (!microphone) return;
    fresh += samples.length / context.sampleRate;
    worker.postMessage({ kind: "heard", samples, rate: context.sampleRate }, [samples.buffer]);
    if (busy || fresh < EVERY) return;
    [busy, fresh] = [true, 0];
    tried(async () => {
      const result = await answer("classify");
      if (microphone) show(result, `Microphone, the last ${Math.round(result.windows[0].end)} s`);
      busy = false;
    });
  };
  context.createMediaStreamSource(stream).connect(recorder);
}

function stopped() {
  if (!microphone) return;
  for (const track of microphone.stream.getTracks()) track.stop();
  microphone.context.close();
  microphone = undefined;
  element("listen").textContent = "Listen";
  element("listen").setAttribute("aria-pressed", "false");
  report("Stopped.");
}

function created(name, text = "", properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)} %`;
}

/** Show an answer of the worker to the sound `name`. */
function show({ silent, labels, order, probabilities, windows }, name) {
  element("result").hidden = false;
  element("name").textContent = name;
  element("label").textContent = silent ? "silence" : labels.map((at) => card.labels[at]).join(", ") || "unknown";
  element("table").hidden = silent;
  const few = order.length > MANY ? order.slice(0, FEW) : order;
  element("probabilities").replaceChildren(...few.map((at) => row(at, probabilities[at], !silent && labels.includes(at))));
  element("timeline").hidden = windows.length < 2;
  element("windows").replaceChildren(...windows.map(windowItem));
}

function row(at, probability, chosen) {
  const item = created("tr", "", { className: chosen ? "chosen" : "" });
  const bar = created("div");
  bar.style.width = `${100 * probability}%`;
  const cell = created("td", "", { className: "bar" });
  cell.append(bar);
  const value = created("td");
  value.append(created("data", percent(probability), { value: probability.toFixed(6) }));
  item.append(created("th", card.labels[at], { scope: "row" }), cell, value);
  return item;
}

function windowItem({ start, end, silent, probabilities }) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  const item = created("li");
  const text = silent ? "silence" : `${card.labels[best]} ${percent(probabilities[best])}`;
  item.append(created("time", `${clock(start)}–${clock(end)}`), text);
  return item;
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Describe the classifier as its card does. */
function describe() {
  const { accuracy, dataset, front_end: frontEnd } = card;
  const entries = {
    Labels: card.labels.length > MANY ? `${card.labels.length}, such as ${card.labels.slice(0, FEW).join(", ")}` : card.labels.join(", "),
    Hears: `${frontEnd.window_seconds} s at once, at ${frontEnd.sample_rate} Hz`,
    Precision: card.quantization === "none" ? "float32" : card.quantization,
    Accuracy: accuracy ? `${percent(accuracy.accuracy)} of ${accuracy.n} (${accuracy.part})` : "",
    "Trained on": dataset.name,
    Notice: dataset.notice,
    Licence: card.licence,
  };
  for (const [name, value] of Object.entries(entries)) if (value) element("about").append(created("dt", name), created("dd", value));
}

element("choose").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) tried(() => classify(file));
  target.value = "";
});
element("listen").addEventListener("click", () => (microphone ? stopped() : tried(listening)));
addEventListener("dragover", (event) => {
  event.preventDefault();
  element("input").classList.add("over");
});
addEventListener("dragleave", () => element("input").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  element("input").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file && !element("choose").disabled) tried(() => classify(file));
});

tried(started);
