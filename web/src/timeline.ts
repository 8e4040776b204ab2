/** What a sentence's sound holds: which samples, their loudness, and the times of phonemes, words and marks. */

import { limit } from "./limiter.js";
import type { AudioChunk, TimedSpan, Tokens } from "./types.js";

/** The longest silence in one chunk, in seconds. */
export const PAUSE_S = 0.5;

/** The samples and frames of a codec. */
export interface Grid {
  sampleRate: number;
  hop: number;
  lookahead: number;
}

/** How far one sentence has been spoken. */
export class Timeline {
  /** Frames from the model. */
  produced = 0;
  /** Frames that the codec has consumed, with the absent ones of its lookahead. */
  consumed = 0;
  /** The model has produced its last frame. */
  complete = false;
  readonly #starts: number[] = []; // the first frame of each token that has begun
  #reported = 0; // tokens whose times have been returned

  /** `origin`: the sample of the stream at which the sentence begins. */
  constructor(
    readonly tokens: Tokens,
    readonly origin: number,
    readonly grid: Grid,
  ) {}

  /** Its last frame has been returned. */
  get spoken(): boolean {
    return this.complete && this.consumed >= this.produced + this.grid.lookahead;
  }

  /** Count a block of the model, which is shorter than `size` where the sentence ends. */
  afterBlock(tokens: Int32Array, length: number, size: number): void {
    for (let i = 0; i < length; i++) {
      while (this.#starts.length <= tokens[i]) this.#starts.push(this.produced + i);
    }
    this.produced += length;
    this.complete = length < size;
  }

  /** Trim what `width` steps of the codec returned, and add the times of what ends in it. */
  afterSound(sound: Float32Array, width: number): AudioChunk {
    const { hop, lookahead, sampleRate } = this.grid;
    const within = (frame: number): number => Math.min(Math.max(frame, 0), this.produced);
    const first = within(this.consumed - lookahead);
    const last = within(this.consumed + width - lookahead);
    const offset = lookahead - this.consumed;
    const samples = sound.slice((first + offset) * hop, (last + offset) * hop);
    if (this.tokens.prosody.length) this.#amplify(samples, first, last);
    this.consumed += width;
    return { samples, sampleRate, startS: (this.origin + first * hop) / sampleRate, ...this.#spans(last) };
  }

  /** The silence after the sentence, in pieces. */
  *silence(pause: number): Generator<AudioChunk> {
    const { hop, sampleRate } = this.grid;
    for (let paused = 0; paused < pause; ) {
      const count = Math.min(pause - paused, Math.round(PAUSE_S * sampleRate));
      const startS = (this.origin + this.produced * hop + paused) / sampleRate;
      yield { samples: new Float32Array(count), sampleRate, startS, phonemes: [], words: [], marks: [] };
      paused += count;
    }
  }

  /** The phonemes, words and marks up to frame `last` that were not returned before. */
  #spans(last: number): Pick<AudioChunk, "phonemes" | "words" | "marks"> {
    const { symbols, words, marks } = this.tokens;
    // token k ends where token k + 1 begins; an end that is not known yet lies after this chunk
    const bounds = [...this.#starts];
    if (this.complete) while (bounds.length <= symbols.length) bounds.push(this.produced);
    const before = this.#reported;
    while (this.#reported + 1 < bounds.length && bounds[this.#reported + 1] <= last) this.#reported++;
    const reported = this.#reported;
    const at = (token: number): number => (this.origin + bounds[token] * this.grid.hop) / this.grid.sampleRate;
    const span = (text: string, first: number, stop: number, start = -1, end = -1): TimedSpan => {
      return { text, startS: at(first), endS: at(stop), start, end };
    };
    const passed = (token: number): boolean => token >= before && token < reported + Number(this.spoken);
    return {
      phonemes: symbols.slice(before, reported).map((symbol, k) => span(symbol, before + k, before + k + 1)),
      words: words
        .filter((word) => before < word.stop && word.stop <= reported)
        .map((word) => span(word.text, word.first, word.stop, word.start, word.end)),
      marks: marks.filter((mark) => passed(mark.token)).map((mark) => span(mark.name, mark.token, mark.token)),
    };
  }

  /** Multiply by the prosody's gain; a change takes one frame. */
  #amplify(samples: Float32Array, first: number, last: number): void {
    const { hop } = this.grid;
    const decibels = (frame: number): number => {
      let token = this.#starts.findLastIndex((start) => start <= Math.max(frame, 0));
      token = Math.max(token, 0);
      return this.tokens.prosody[token].gainDb;
    };
    for (let frame = first; frame < last; frame++) {
      const [from, to] = [decibels(frame - 1), decibels(frame)];
      for (let n = 0; n < hop; n++) {
        samples[(frame - first) * hop + n] *= 10 ** ((from + ((to - from) * (n + 1)) / hop) / 20);
      }
    }
    limit(samples);
  }
}
