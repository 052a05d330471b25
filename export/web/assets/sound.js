// From decoded samples to a network's windows, as the toolkit's audio and front end compute them.

const SLACK_SECONDS = 1; // a sound within this of the window's length is one window
const SPAN_SECONDS = 0.5; // sound for which one decision about its channels holds
const CANCELLED = 1e-3; // the mean of channels cancels where its power is this share of the loudest one's
const SILENT_DB = -200;
export const SILENCE_DB = -60;

/** Return the seconds of a card's front end as samples: its window, its hop, and the slack around a window. */
function sizes(frontEnd) {
  const rate = frontEnd.sample_rate;
  const layout = frontEnd.layout ?? "picture";
  const window = Math.round(frontEnd.window_seconds * rate);
  const hop = frontEnd.hop_seconds ? Math.max(1, Math.round(frontEnd.hop_seconds * rate)) : 0;
  const slack = layout === "grid" ? 0 : Math.min(Math.round(SLACK_SECONDS * rate), Math.floor(window / 2));
  return { window, hop, slack };
}

/** Return [first, last) of each window of a sound of `count` samples. */
export function windowSpans(count, frontEnd) {
  const { window, hop, slack } = sizes(frontEnd);
  if (count <= window + slack) return [[0, count]];
  const starts = [];
  if (hop) {
    for (let start = 0; start < count - window; start += hop) starts.push(start);
    starts.push(count - window);
  } else {
    const number = Math.ceil(count / window);
    for (let at = 0; at < number; at++) starts.push(Math.floor((at * (count - window)) / (number - 1)));
  }
  return starts.map((start) => [start, start + window]);
}

/** Return a window in the one length that the model accepts: cut, or repeated, or filled up with zeros. */
export function fitted(samples, size, frontEnd) {
  const short = frontEnd.short ?? "tile";
  const { window, slack } = sizes(frontEnd);
  if (samples.length >= size) return samples.subarray(0, size);
  const result = new Float32Array(size);
  if (short === "pad") {
    result.set(samples);
    return result;
  }
  let tile = samples;
  if (short === "tile" && samples.length < window - slack) tile = repeated(samples, window);
  return repeated(tile, size);
}

function repeated(samples, size) {
  const result = new Float32Array(size);
  for (let at = 0; at < size; at += samples.length) {
    result.set(samples.subarray(0, Math.min(samples.length, size - at)), at);
  }
  return result;
}

/** Return whether samples without their mean are quieter than `SILENCE_DB` relative to full scale. */
export function isSilent(samples) {
  const power = variance(samples);
  return Math.max(SILENT_DB, 10 * Math.log10(power)) < SILENCE_DB;
}

function variance(samples) {
  let sum = 0;
  let squares = 0;
  for (const value of samples) sum += value;
  const mean = sum / samples.length;
  for (const value of samples) squares += (value - mean) ** 2;
  return squares / samples.length;
}

/** Return channels, equally long, as one: the mean, or in spans where that cancels one of them. */
export function downmixed(channels, rate) {
  if (channels.length === 1) return channels[0];
  const result = new Float32Array(channels[0].length);
  const size = Math.max(1, Math.round(SPAN_SECONDS * rate));
  for (let first = 0; first < result.length; first += size) {
    const span = channels.map((channel) => channel.subarray(first, first + size));
    const mean = result.subarray(first, first + size);
    for (let at = 0; at < mean.length; at++) {
      let sum = 0;
      for (const channel of span) sum += channel[at];
      mean[at] = sum / span.length;
    }
    const powers = span.map(variance);
    const loudest = Math.max(...powers);
    if (variance(mean) < CANCELLED * loudest) mean.set(span[powers.findIndex((power) => power >= loudest / 2)]);
  }
  return result;
}
