/** One sentence as it is spoken: frames of the model become samples of the codec, a few blocks at a time. */

import { limit } from "./limiter.js";
import type { Frames, ParallelModel } from "./parallel.js";
import type { SpectrumDecoder } from "./spectrum.js";
import { PAUSE_S, Timeline } from "./timeline.js";
import type { AudioChunk, Style, Tokens } from "./types.js";

/** Blocks of the model that the codec decodes at once, at most: more cost less a frame, and come later. */
const BLOCKS = 4;

/** The chunks of one sentence, which begins at sample `origin` of its stream. */
export async function* speak(
  model: ParallelModel,
  codec: SpectrumDecoder,
  tokens: Tokens,
  style: Style,
  origin: number,
): AsyncGenerator<AudioChunk, void> {
  const timeline = new Timeline(tokens, origin, codec);
  const pause = Math.round((tokens.pauseAfterS / style.speed) * codec.sampleRate);
  let state = await model.begin(tokens, style);
  let layers = codec.initialState();
  let blocks = origin ? BLOCKS : 1; // the first sound comes soon, the rest at less cost
  while (!timeline.spoken) {
    const waiting: Frames[] = [];
    while (!timeline.complete && waiting.length < blocks) {
      const [frames, after] = await model.step(state);
      state = after;
      waiting.push(frames);
      timeline.afterBlock(frames.tokens, frames.length, model.block);
    }
    const width = timeline.complete // just what remains, and the codec's lookahead
      ? timeline.produced + codec.lookahead - timeline.consumed
      : waiting.length * model.block;
    const [values, mask] = join(waiting, width, codec.channels);
    const [sound, next] = await codec.decode(values, mask, layers);
    layers = next;
    if (timeline.consumed) blocks = Math.min(2 * blocks, BLOCKS);
    const chunk = timeline.afterSound(limit(sound), width);
    if (timeline.spoken && pause <= PAUSE_S * codec.sampleRate) chunk.samples = extended(chunk.samples, pause);
    if (chunk.samples.length || chunk.marks.length) yield chunk;
  }
  if (pause > PAUSE_S * codec.sampleRate) yield* timeline.silence(pause);
}

/** Blocks of frames as (width, channels), cut or padded, and which of the frames are real. */
function join(blocks: readonly Frames[], width: number, channels: number): [Float32Array, Uint8Array] {
  const values = new Float32Array(width * channels);
  const mask = new Uint8Array(width);
  let place = 0;
  for (const frames of blocks) {
    const real = frames.values.subarray(0, Math.min(frames.values.length, values.length - place * channels));
    values.set(real, place * channels);
    mask.fill(1, place, place + frames.length);
    place += frames.values.length / channels;
  }
  return [values, mask];
}

function extended(samples: Float32Array, count: number): Float32Array {
  const longer = new Float32Array(samples.length + count);
  longer.set(samples);
  return longer;
}
