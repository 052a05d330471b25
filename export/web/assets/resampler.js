// Mono sound at another rate: a polyphase filter, a sinc with a Kaiser window.
//
// The passband ends at 0.913 of the lower Nyquist frequency, as that of the toolkit's resampler, and 120 dB are down at
// that frequency. Browsers resample with filters of their own, which let a network hear something else.

const PASSBAND = 0.913;
const ATTENUATION_DB = 120;
const BETA = 0.1102 * (ATTENUATION_DB - 8.7); // Kaiser's formulas
const PEAK = bessel(BETA);

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}

/** Return the modified Bessel function of order zero. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Return the product of a filter, its length a multiple of 4, and the samples from `start` on; four sums are faster. */
function dot(filter, samples, start) {
  let [a, b, c, d] = [0, 0, 0, 0]; // and so are arrays of doubles
  for (let tap = 0; tap < filter.length; tap += 4) {
    const place = start + tap;
    a += filter[tap] * samples[place];
    b += filter[tap + 1] * samples[place + 1];
    c += filter[tap + 2] * samples[place + 2];
    d += filter[tap + 3] * samples[place + 3];
  }
  return a + b + c + d;
}

export class Resampler {
  /** Resample from `source` to `target` hertz, whole numbers. */
  constructor(source, target) {
    const common = divisor(source, target);
    this.up = target / common;
    this.down = source / common;
    if (this.up === this.down) return;
    const nyquist = Math.min(1, target / source); // of the lower rate, as a share of the source's
    const transition = Math.PI * nyquist * (1 - PASSBAND);
    this.half = 2 * Math.ceil((ATTENUATION_DB - 8) / (2.285 * transition) / 4); // even, for `dot`
    this.cutoff = (nyquist * (1 + PASSBAND)) / 2;
    this.phases = new Map();
    this.pending = new Float64Array(this.half - 1); // samples from `first` on; zeros lie before the sound
    this.first = 1 - this.half;
    this.received = 0;
    this.returned = 0;
  }

  /** Return the samples at the new rate that the next ones decide. */
  push(samples) {
    if (this.up === this.down) return samples;
    this.received += samples.length;
    return this.#filtered(samples, Infinity);
  }

  /** Return the last samples. */
  end() {
    if (this.up === this.down) return new Float32Array(0);
    const count = Math.round((this.received * this.up) / this.down);
    return this.#filtered(new Float32Array(this.half + this.down), count);
  }

  #filtered(samples, count) {
    const joined = new Float64Array(this.pending.length + samples.length);
    joined.set(this.pending);
    joined.set(samples, this.pending.length);
    const last = this.first + joined.length - this.half; // the first place whose filter lies in the future
    const upto = Math.min(count, Math.ceil((last * this.up) / this.down));
    const result = new Float32Array(Math.max(0, upto - this.returned));
    for (let at = 0; at < result.length; at++) {
      const place = (this.returned + at) * this.down;
      const phase = place % this.up;
      const filter = this.#filter(phase);
      const start = (place - phase) / this.up - this.half + 1 - this.first;
      result[at] = dot(filter, joined, start);
    }
    this.returned += result.length;
    const next = Math.floor((this.returned * this.down) / this.up) - this.half + 1;
    this.pending = joined.slice(next - this.first);
    this.first = next;
    return result;
  }

  /** Return the filter for results that lie `phase` / `up` after a sample. */
  #filter(phase) {
    let filter = this.phases.get(phase);
    if (filter) return filter;
    filter = new Float64Array(2 * this.half);
    for (let tap = 0; tap < filter.length; tap++) {
      const time = tap - this.half + 1 - phase / this.up;
      const angle = Math.PI * this.cutoff * time;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      const share = time / this.half;
      const window = Math.abs(share) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - share * share)) / PEAK;
      filter[tap] = this.cutoff * sinc * window;
    }
    this.phases.set(phase, filter);
    return filter;
  }
}

/** Return all samples at another rate. */
export function resampled(samples, source, target) {
  if (source === target) return samples;
  const resampler = new Resampler(source, target);
  const [body, end] = [resampler.push(samples), resampler.end()];
  const result = new Float32Array(body.length + end.length);
  result.set(body);
  result.set(end, body.length);
  return result;
}
