// The worker that runs the network: {kind: "load" | "sound" | "heard" | "classify" | "forget"} in, results out.

import { Resampler, resampled } from "./resampler.js";
import { downmixed, fitted, isSilent, windowSpans } from "./sound.js";

const FLOOR = 1e-6; // a smaller probability counts as it at a temperature
let card, session, ort;
let resampler, heard; // the microphone's: its resampler, and the last window of its sound

const actions = {
  async load({ files, card: loaded }) {
    card = loaded;
    const [library, engine, model] = await Promise.all(
      [files.library, files.engine, files.model].map((file) => fetched(file)),
    );
    const address = URL.createObjectURL(new Blob([library], { type: "text/javascript" }));
    ort = await import(address);
    ort.env.wasm.numThreads = 1; // more need a server that isolates the page
    ort.env.wasm.wasmBinary = engine;
    session = await ort.InferenceSession.create(new Uint8Array(model));
    return {};
  },

  /** Classify a whole sound: the mean of its windows that are not silent. */
  async sound({ channels, rate }) {
    const frontEnd = card.front_end;
    const samples = resampled(downmixed(channels, rate), rate, frontEnd.sample_rate);
    const windows = [];
    for (const [first, last] of windowSpans(samples.length, frontEnd)) {
      const window = samples.subarray(first, last);
      windows.push({
        start: first / frontEnd.sample_rate,
        end: last / frontEnd.sample_rate,
        silent: isSilent(window),
        probabilities: await probabilities(window),
      });
    }
    return summary(windows);
  },

  /** Keep what the microphone hears, at most a window of it. */
  heard({ samples, rate }) {
    resampler ??= new Resampler(rate, card.front_end.sample_rate);
    const added = resampler.push(samples);
    const size = Math.round(card.front_end.window_seconds * card.front_end.sample_rate);
    const joined = new Float32Array((heard?.length ?? 0) + added.length);
    joined.set(heard ?? []);
    joined.set(added, joined.length - added.length);
    heard = joined.slice(-size);
  },

  async classify() {
    const end = heard.length / card.front_end.sample_rate;
    return summary([{ start: 0, end, silent: isSilent(heard), probabilities: await probabilities(heard) }]);
  },

  forget() {
    resampler = heard = undefined;
  },
};

/** Return a file's bytes; its digest is that of the export. */
async function fetched({ name, url, integrity }) {
  const problem = `${name} cannot be loaded, or is not the file of this export: export the folder again.`;
  try {
    const response = await fetch(url, { integrity });
    if (response.ok) return await response.arrayBuffer();
  } catch {
    // the same sentence as for a missing file
  }
  throw new Error(problem);
}

/** Return the probabilities of a window, at the card's temperature. */
async function probabilities(window) {
  const size = card.input.shape[1];
  const input = new ort.Tensor("float32", fitted(window, size, card.front_end), card.input.shape);
  const output = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  const scores = Array.from(output.data);
  if (card.activation === "sigmoid") return scores;
  const total = scores.reduce((sum, score) => sum + score, 0);
  const shares = scores.map((score) => score / total);
  if (card.temperature === 1) return shares;
  const powers = shares.map((share) => Math.max(share, FLOOR) ** (1 / card.temperature));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/** Return the mean of windows, the labels that it reaches, and whether all is silent. */
function summary(windows) {
  const loud = windows.filter((window) => !window.silent);
  const counted = loud.length ? loud : windows;
  const mean = card.labels.map(
    (_, at) => counted.reduce((sum, window) => sum + window.probabilities[at], 0) / counted.length,
  );
  const order = [...mean.keys()].sort((a, b) => mean[b] - mean[a]);
  const least = (at) => (card.activation === "sigmoid" ? card.thresholds[at] : card.min_confidence ?? 0);
  const reached = order.filter((at) => mean[at] >= least(at));
  return {
    silent: loud.length === 0,
    labels: card.activation === "sigmoid" ? reached : reached.slice(0, 1),
    order,
    probabilities: mean,
    windows,
  };
}

addEventListener("message", async ({ data: { id, kind, ...job } }) => {
  try {
    const start = performance.now();
    const result = await actions[kind](job);
    if (result) postMessage({ id, result: { ...result, seconds: (performance.now() - start) / 1000 } });
  } catch (error) {
    postMessage({ id, problem: error.message });
  }
});
