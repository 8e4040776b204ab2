/** A codec whose graph ends in spectra; the inverse STFT is done here. */

import { booleans, floats, type Graph, type State } from "./graph.js";
import type { VoiceManifest } from "./manifest.js";
import { InverseStft, type Overlap } from "./stft.js";
import { SsmphonyError } from "./types.js";

/** What the next frame needs of the past. */
export interface SpectrumState {
  readonly layers: State;
  readonly overlap: Overlap;
}

export class SpectrumDecoder {
  readonly sampleRate: number;
  readonly hop: number;
  readonly channels: number;
  /** Frames of the future that a sample depends on: step `i` of `decode` returns the hop of frame `i - lookahead`. */
  readonly lookahead: number;
  readonly #graph: Graph;
  readonly #maxFrames: number;
  readonly #inverse: InverseStft;

  constructor(graph: Graph, { sample_rate, hop_length, channels, lookahead, max_frames, stft }: VoiceManifest["codec"]) {
    if (!stft || hop_length % stft.hop_length) {
      throw new SsmphonyError(`a frame of ${hop_length} samples is no whole number of hops: export the voice again`);
    }
    [this.sampleRate, this.hop, this.channels, this.lookahead] = [sample_rate, hop_length, channels, lookahead];
    [this.#graph, this.#maxFrames] = [graph, max_frames ?? Infinity];
    this.#inverse = new InverseStft(stft.n_fft, stft.hop_length, stft.form ?? "polar");
  }

  initialState(): SpectrumState {
    return { layers: this.#graph.initialState(), overlap: this.#inverse.initialState() };
  }

  /** Frames (time, channels) and which of them are real (time) → samples (time * hop), and the state after them. */
  async decode(frames: Float32Array, mask: Uint8Array, state: SpectrumState): Promise<[Float32Array, SpectrumState]> {
    const samples = new Float32Array(mask.length * this.hop);
    const size = Math.min(this.#maxFrames, mask.length);
    for (let first = 0; first < mask.length; first += size) {
      const count = Math.min(size, mask.length - first);
      const values = frames.subarray(first * this.channels, (first + count) * this.channels);
      const feeds = { frames: floats(values, count, this.channels), mask: booleans(mask.subarray(first, first + count)) };
      const { outputs, state: layers } = await this.#graph.run(feeds, state.layers);
      const [one, two, present] = this.#graph.outputs.map((name) => outputs[name].data);
      const [piece, overlap] = this.#inverse.run(
        one as Float32Array,
        two as Float32Array,
        present as Uint8Array,
        state.overlap,
      );
      samples.set(piece, first * this.hop);
      state = { layers, overlap };
    }
    return [samples, state];
  }
}
