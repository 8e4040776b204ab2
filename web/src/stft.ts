/**
 * Inverse short-time Fourier transform by overlap-add, with its memory passed in and out:
 *
 *     samples = sum_t shift(window * irfft(spectrum_t)) / sum_t shift(window^2)
 *
 * over the frames that exist. Step `i` returns the hop of frame `i - n_fft / (2 * hop)`.
 */

import { RealInverseFft } from "./fft.js";

/** The windowed frames that are still to be overlapped, the oldest first; null is one that does not exist. */
export type Overlap = readonly (Float32Array | null)[];

export type Form = "polar" | "cartesian";

export class InverseStft {
  readonly #hop: number;
  readonly #overlap: number;
  readonly #size: number;
  readonly #form: Form;
  readonly #window: Float32Array;
  readonly #fft: RealInverseFft;

  /** `form`: spectra are log magnitude and phase, or real and imaginary part. */
  constructor(size: number, hop: number, form: Form) {
    [this.#size, this.#hop, this.#form, this.#overlap] = [size, hop, form, Math.floor(size / hop)];
    this.#window = Float32Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
    this.#fft = new RealInverseFft(size);
  }

  initialState(): Overlap {
    return new Array<null>(this.#overlap - 1).fill(null);
  }

  /** Two parts of spectra (steps, size / 2 + 1) and which steps exist (steps) → samples (steps * hop). */
  run(first: Float32Array, second: Float32Array, present: Uint8Array, state: Overlap): [Float32Array, Overlap] {
    const steps = present.length;
    const bins = this.#size / 2 + 1;
    const frames = [...state];
    const samples = new Float32Array(steps * this.#hop);
    for (let step = 0; step < steps; step++) {
      const at = step * bins;
      frames.push(present[step] ? this.#frame(first.subarray(at, at + bins), second.subarray(at, at + bins)) : null);
      this.#add(frames.slice(step, step + this.#overlap), samples.subarray(step * this.#hop, (step + 1) * this.#hop));
    }
    return [samples, frames.slice(steps)];
  }

  /** A windowed frame of one spectrum. */
  #frame(first: Float32Array, second: Float32Array): Float32Array {
    let [real, imaginary] = [first, second];
    if (this.#form === "polar") {
      const magnitude = first.map((value) => Math.min(Math.exp(value), 100));
      real = magnitude.map((value, k) => value * Math.cos(second[k]));
      imaginary = magnitude.map((value, k) => value * Math.sin(second[k]));
    }
    const frame = this.#fft.run(real, imaginary);
    for (let n = 0; n < frame.length; n++) frame[n] *= this.#window[n];
    return frame;
  }

  /** One hop of samples from the frames that reach into it, the oldest first. */
  #add(frames: readonly (Float32Array | null)[], samples: Float32Array): void {
    const envelope = new Float32Array(this.#hop);
    frames.forEach((frame, place) => {
      if (!frame) return;
      const part = (this.#overlap - 1 - place) * this.#hop;
      for (let n = 0; n < this.#hop; n++) {
        samples[n] += frame[part + n];
        envelope[n] += this.#window[part + n] ** 2;
      }
    });
    for (let n = 0; n < this.#hop; n++) samples[n] /= Math.max(envelope[n], 1e-8);
  }
}
