/** Who speaks: a speaker of a voice, or a mix of several. */

import { SsmphonyError } from "./types.js";

const MIX_EXAMPLE = "alpha:0.7,omega:0.3";

/**
 * The weight of each known speaker, summing to 1. `speaker` is a name, or names with weights such as
 * `"alpha:0.7,omega:0.3"`; null is the first. Throws `SsmphonyError` for an unknown name or a weight that is not above 0.
 */
export function speakerWeights(speaker: string | null, known: readonly string[]): Float32Array {
  const weights = new Float64Array(Math.max(1, known.length));
  const parts = speaker === null ? [] : known.includes(speaker) ? [speaker] : speaker.split(",");
  if (speaker === null) weights[0] = 1;
  for (const part of parts) {
    const [name, weight] = weighted(part.trim(), known);
    if (!known.includes(name)) {
      const choice = known.length ? `choose one of ${known.join(", ")}` : "this voice has only its own";
      throw new SsmphonyError(`unknown speaker '${name}'; ${choice}`);
    }
    weights[known.indexOf(name)] += weight;
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float32Array.from(weights, (weight) => weight / total);
}

function weighted(part: string, known: readonly string[]): [string, number] {
  if (known.includes(part) || !part.includes(":")) return [part, 1];
  const cut = part.lastIndexOf(":");
  const [name, number] = [part.slice(0, cut).trim(), part.slice(cut + 1).trim()];
  const weight = number === "" ? NaN : Number(number);
  if (!(weight > 0 && weight < Infinity)) {
    throw new SsmphonyError(
      `'${number}' is not a weight of the speaker '${name}': write a mix as ${MIX_EXAMPLE}, each above 0`,
    );
  }
  return [name, weight];
}
