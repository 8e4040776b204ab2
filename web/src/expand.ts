/**
 * From tokens to the decoder's input: durations, expansion, pitch contour, position inside the token.
 *
 *     n_k = max(1, round(exp(d_k) / speed))               frames of token k
 *     x_t = [h_k, p(t), (i + ½) / n_k, log(n_k) / 5]      frame t is the i-th of token k
 *
 * The pitch p, the last channel of the encoder's output, runs straight from the centre of a token to that of the next.
 */

export const POSITION_FEATURES = 2;
const LOG_SCALE = 5;

/** Halves go to the even neighbour, as they do in NumPy. */
function round(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The frame after each token, from durations in log frames. */
export function tokenEnds(logDurations: Float32Array, speeds: Float32Array, count: number): Int32Array {
  const ends = new Int32Array(count);
  let end = 0;
  for (let k = 0; k < count; k++) {
    const frames = Math.fround(Math.fround(Math.exp(logDurations[k])) / speeds[k]);
    end += Math.max(round(frames), 1);
    ends[k] = end;
  }
  return ends;
}

/** The token that each of `count` frames speaks, from frame `first` on; frames after the end speak the last one. */
export function spokenTokens(ends: Int32Array, first: number, count: number): Int32Array {
  const tokens = new Int32Array(count);
  let token = 0;
  for (let i = 0; i < count; i++) {
    while (token < ends.length - 1 && ends[token] <= first + i) token++;
    tokens[i] = token;
  }
  return tokens;
}

/**
 * Frames `first` to `first + count`: `x` (count, channels + 2) and `mask` (count), from `encoded` (tokens, channels).
 * Frames after the end are zero.
 */
export function expand(
  encoded: Float32Array,
  ends: Int32Array,
  first: number,
  count: number,
): { x: Float32Array; mask: Uint8Array } {
  const channels = encoded.length / ends.length;
  const width = channels + POSITION_FEATURES;
  const x = new Float32Array(count * width);
  const mask = new Uint8Array(count);
  const tokens = spokenTokens(ends, first, count);
  const last = ends[ends.length - 1];
  for (let i = 0; i < count && first + i < last; i++) {
    const token = tokens[i];
    const begin = token ? ends[token - 1] : 0;
    const frames = Math.max(ends[token] - begin, 1);
    const row = i * width;
    x.set(encoded.subarray(token * channels, (token + 1) * channels - 1), row);
    x[row + channels - 1] = glide(encoded, channels, ends, first + i, token);
    x[row + channels] = (first + i - begin + 0.5) / frames;
    x[row + channels + 1] = Math.log(frames) / LOG_SCALE;
    mask[i] = 1;
  }
  return { x, mask };
}

/** The last channel, which holds at the centre of each token, at a frame between. */
function glide(encoded: Float32Array, channels: number, ends: Int32Array, frame: number, token: number): number {
  const centre = (k: number): number => ((k ? ends[k - 1] : 0) + ends[k]) / 2;
  const value = (k: number): number => encoded[(k + 1) * channels - 1];
  const position = frame + 0.5;
  const here = centre(token);
  const other = Math.min(Math.max(token + (position >= here ? 1 : -1), 0), ends.length - 1);
  if (other === token) return value(token);
  const share = Math.fround((position - here) / (centre(other) - here));
  return value(token) + (value(other) - value(token)) * share;
}
