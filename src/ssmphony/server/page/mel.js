/**
 * The mel spectrogram of `ssmphony.audio.mel`, made as the samples arrive: magnitude STFT (Hann, centred), triangular HTK
 * filters without area norm, natural logarithm. Silence lies before the first sample.
 *
 * O'Shaughnessy, Speech Communication (1987), p. 150: mel(f) = 2595 log10(1 + f / 700).
 */

export const LOG_FLOOR = Math.log(1e-7);

export const toMel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const toHertz = (mel) => 700 * (10 ** (mel / 2595) - 1);

/** Triangles over the bins of a spectrum: [{first, weights}], a band each. */
export function melFilters({ sampleRate, nFft, bands, fMin = 0, fMax = sampleRate / 2 }) {
  const low = toMel(fMin);
  const step = (toMel(fMax) - low) / (bands + 1);
  const edges = Array.from({ length: bands + 2 }, (_, i) => toHertz(low + i * step));
  return Array.from({ length: bands }, (_, band) => {
    const [left, centre, right] = edges.slice(band, band + 3);
    const first = Math.max(0, Math.ceil((left * nFft) / sampleRate));
    const last = Math.min(nFft / 2, Math.floor((right * nFft) / sampleRate));
    const weights = Float64Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
      const hertz = ((first + i) * sampleRate) / nFft;
      return Math.max(0, Math.min((hertz - left) / (centre - left), (right - hertz) / (right - centre)));
    });
    return { first, weights };
  });
}

/** Cooley and Tukey (1965), in place, for a power of two; returns the function. */
export function fft(n) {
  const bits = Math.log2(n);
  const cos = Float64Array.from({ length: n / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / n));
  const sin = Float64Array.from({ length: n / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / n));
  const reversed = new Uint32Array(n);
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1] >> 1) | ((i & 1) << (bits - 1));

  return (re, im) => {
    for (let i = 0; i < n; i++) {
      const j = reversed[i];
      if (j > i) {
        [re[i], re[j]] = [re[j], re[i]];
        [im[i], im[j]] = [im[j], im[i]];
      }
    }
    for (let half = 1; half < n; half *= 2) {
      const stride = n / (2 * half);
      for (let start = 0; start < n; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const a = start + k;
          const b = a + half;
          const [c, s] = [cos[k * stride], sin[k * stride]];
          const real = re[b] * c - im[b] * s;
          const imaginary = re[b] * s + im[b] * c;
          [re[b], im[b]] = [re[a] - real, im[a] - imaginary];
          [re[a], im[a]] = [re[a] + real, im[a] + imaginary];
        }
      }
    }
  };
}

export class MelSpectrogram {
  #nFft;
  #hop;
  #filters;
  #window;
  #transform;
  #samples; // what the next frames still need, from the start of the next one
  #re;
  #im;

  constructor({ sampleRate = 24000, nFft = 1024, hop = 256, bands = 100 } = {}) {
    this.#nFft = nFft;
    this.#hop = hop;
    this.#filters = melFilters({ sampleRate, nFft, bands });
    this.#window = Float64Array.from({ length: nFft }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / nFft));
    this.#transform = fft(nFft);
    this.#samples = new Float32Array(nFft / 2);
    this.#re = new Float64Array(nFft);
    this.#im = new Float64Array(nFft);
  }

  /** samples: Float32Array, the next of the sound → the columns that they complete, a Float32Array of bands each. */
  push(samples) {
    const all = new Float32Array(this.#samples.length + samples.length);
    all.set(this.#samples);
    all.set(samples, this.#samples.length);
    const columns = [];
    let start = 0;
    for (; start + this.#nFft <= all.length; start += this.#hop) columns.push(this.#column(all, start));
    this.#samples = all.slice(start);
    return columns;
  }

  #column(samples, start) {
    for (let i = 0; i < this.#nFft; i++) this.#re[i] = samples[start + i] * this.#window[i];
    this.#im.fill(0);
    this.#transform(this.#re, this.#im);
    return Float32Array.from(this.#filters, ({ first, weights }) => {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * Math.hypot(this.#re[first + i], this.#im[first + i]);
      return Math.max(LOG_FLOOR, Math.log(sum));
    });
  }
}
