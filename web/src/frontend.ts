/** Text → sentences of tokens. */

import type { Tokens } from "./types.js";

export interface Frontend {
  /** The vocabulary: `symbols[i]` is token id `i`. */
  readonly symbols: readonly string[];
  /** The sentences of plain text or SSML, in order. Throws `SsmphonyError` for faults in SSML. */
  sentences(text: string, maxTokens?: number): Iterable<Tokens> | AsyncIterable<Tokens>;
}
