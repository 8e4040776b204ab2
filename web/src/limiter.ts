/** A limiter without memory: chunks stay equal to the whole. */

/** Samples up to this size stay as they are; louder ones approach full scale and never pass it. */
export const KNEE = 0.9;

/** Bend, in place, what is louder than `KNEE`. */
export function limit(samples: Float32Array): Float32Array {
  const rest = 1 - KNEE;
  for (let n = 0; n < samples.length; n++) {
    const size = Math.abs(samples[n]);
    if (size > KNEE) samples[n] = Math.sign(samples[n]) * (KNEE + rest * Math.tanh((size - KNEE) / rest));
  }
  return samples;
}
