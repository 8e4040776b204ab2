/**
 * Voice models of the parallel family: encoder, durations, expansion, streaming decoder.
 *
 * The decoder's output step `i` belongs to frame `i - lookahead`. It runs one block ahead of what `step` returns, so that
 * every block is whole.
 */

import { expand, spokenTokens, tokenEnds } from "./expand.js";
import { booleans, floats, integers, type Graph, type Named, type State } from "./graph.js";
import { speakerWeights } from "./speakers.js";
import type { Style, Tokens, Word } from "./types.js";

const FEWEST_TOKENS = 2; // exported graphs take one step for a constant
const [OUTSIDE, FIRST, INSIDE, LAST, SINGLE] = [0, 1, 2, 3, 4];

/** A block of frames: `values` (block, channels), the token that each speaks, and how many are real. */
export interface Frames {
  values: Float32Array;
  tokens: Int32Array;
  length: number;
}

/** A sentence between two blocks. */
export interface ParallelState {
  readonly encoded: Float32Array;
  readonly ends: Int32Array;
  /** Frames returned so far. */
  readonly position: number;
  /** The `block - lookahead` frames after `position`, which the decoder has already made. */
  readonly ahead: Float32Array;
  readonly layers: State;
}

export class ParallelModel {
  readonly #encoder: Graph;
  readonly #decoder: Graph;
  readonly #lookahead: number;
  readonly #speakers: readonly string[];

  constructor(
    encoder: Graph,
    decoder: Graph,
    readonly block: number,
    lookahead: number,
    speakers: readonly string[],
  ) {
    [this.#encoder, this.#decoder, this.#lookahead, this.#speakers] = [encoder, decoder, lookahead, speakers];
  }

  /** Read a sentence; the state is the one before its first frame. */
  async begin(tokens: Tokens, style: Style): Promise<ParallelState> {
    const count = Math.max(tokens.ids.length, FEWEST_TOKENS);
    const { feeds, speeds } = this.#inputs(tokens, style, count);
    const { outputs } = await this.#encoder.run(feeds);
    const real = tokens.ids.length; // padding takes no frames
    const encoded = outputs["encoded"].data as Float32Array;
    const durations = outputs["log_durations"].data as Float32Array;
    const ends = real ? tokenEnds(durations, speeds, real) : new Int32Array(1); // a mark or a pause alone has no frame
    const ahead = { encoded: encoded.subarray(0, (encoded.length / count) * ends.length), ends };
    const { frames, layers } = await this.#decode({ ...ahead, layers: this.#decoder.initialState() }, 0);
    const channels = frames.length / this.block;
    return { ...ahead, position: 0, ahead: frames.subarray(this.#lookahead * channels), layers };
  }

  /** The next block of frames, and the state after it. */
  async step(state: ParallelState): Promise<[Frames, ParallelState]> {
    const { ends, position } = state;
    const left = ends[ends.length - 1] - position;
    const kept = this.block - this.#lookahead;
    const channels = state.ahead.length / kept;
    let [frames, layers]: [Float32Array, State] = [new Float32Array(this.block * channels), state.layers];
    if (left > kept) ({ frames, layers } = await this.#decode(state, position + this.block));
    const made = new Float32Array(state.ahead.length + frames.length);
    made.set(state.ahead);
    made.set(frames, state.ahead.length);
    const cut = this.block * channels;
    const block = {
      values: made.subarray(0, cut),
      tokens: spokenTokens(ends, position, this.block),
      length: Math.min(Math.max(left, 0), this.block),
    };
    return [block, { ...state, position: position + this.block, ahead: made.subarray(cut), layers }];
  }

  async #decode(
    state: Pick<ParallelState, "encoded" | "ends" | "layers">,
    first: number,
  ): Promise<{ frames: Float32Array; layers: State }> {
    const { x, mask } = expand(state.encoded, state.ends, first, this.block);
    const feeds = { x: floats(x, this.block, x.length / this.block), mask: booleans(mask) };
    const { outputs, state: layers } = await this.#decoder.run(feeds, state.layers);
    return { frames: outputs["frames"].data as Float32Array, layers };
  }

  /** The arrays that the encoder reads, and how fast each token is spoken. */
  #inputs(tokens: Tokens, style: Style, count: number): { feeds: Named; speeds: Float32Array } {
    const padded = (values: number[]): number[] => [...values, ...new Array<number>(count - values.length).fill(0)];
    const each = (of: (k: number) => number): Float32Array => Float32Array.from({ length: count }, (_, k) => of(k));
    const speeds = each((k) => style.speed * (tokens.prosody[k]?.speed ?? 1));
    const weights = speakerWeights(tokens.speaker ?? style.speaker, this.#speakers);
    const all: Named = {
      ids: integers(padded(tokens.ids)),
      mask: booleans(Uint8Array.from({ length: count }, (_, k) => Number(k < tokens.ids.length))),
      word_positions: integers(wordPositions(tokens.words, count)),
      speaker_weights: floats(weights, weights.length),
      speaker: integers([weights.indexOf(Math.max(...weights))]).reshape([1]),
      pitch_semitones: floats(each((k) => style.pitchSemitones + (tokens.prosody[k]?.pitchSemitones ?? 0)), count),
      speeds: floats(speeds, count),
    };
    return { feeds: Object.fromEntries(this.#encoder.inputs.map((name) => [name, all[name]])), speeds };
  }
}

/** Where each of `count` tokens stands in its word; ^ and punctuation stand outside. */
export function wordPositions(words: readonly Word[], count: number): number[] {
  const positions = new Array<number>(count).fill(OUTSIDE);
  for (const { first, stop } of words) {
    if (stop - first === 1) positions[first] = SINGLE;
    else if (stop > first) {
      positions.fill(INSIDE, first, stop);
      positions[first] = FIRST;
      positions[stop - 1] = LAST;
    }
  }
  return positions;
}
