/** The values that travel along the signal path: text → tokens → frames → samples. */

/** An error the user can fix. The message is one line: what was wrong, and what to do. */
export class SsmphonyError extends Error {
  override name = "SsmphonyError";
}

/**
 * A written word and the tokens that speak it: `first` to `stop` (half-open). `start` and `end` are places in the
 * caller's text, counted as JavaScript counts them (UTF-16), so that `text.slice(start, end)` is the word.
 */
export interface Word {
  text: string;
  first: number;
  stop: number;
  start: number;
  end: number;
}

/** How a token is spoken, compared with plain ones. */
export interface Prosody {
  speed: number;
  pitchSemitones: number;
  gainDb: number;
}

/** A name that markup gives to a place: before token `token`, or after the last one. */
export interface Mark {
  name: string;
  token: number;
}

/** One sentence, or one clause of an over-long sentence, ready for a voice model. */
export interface Tokens {
  ids: number[];
  symbols: string[];
  words: Word[];
  text: string;
  start: number;
  end: number;
  /** Silence after the sentence, in seconds. */
  pauseAfterS: number;
  /** Parallel to `ids`, or empty where all are spoken plainly. */
  prosody: Prosody[];
  /** null: the speaker of the style. */
  speaker: string | null;
  marks: Mark[];
  /** Silence that all breaks of a document ask for together; its first sentence has it. */
  breaksS: number;
}

/** How to speak. */
export interface Style {
  /** 2 is twice as fast; 0.25 to 4. */
  speed: number;
  /** -12 to 12. */
  pitchSemitones: number;
  /** A speaker of the voice, or a mix such as `"alpha:0.7,omega:0.3"`; null: the voice's own. */
  speaker: string | null;
}

/** A phoneme, a word or a mark with its place in the audio, in seconds; words have their place in the text, too. */
export interface TimedSpan {
  text: string;
  startS: number;
  endS: number;
  start: number;
  end: number;
}

/** A piece of audio: samples in [-1, 1], and the phonemes, words and marks that end in it. */
export interface AudioChunk {
  samples: Float32Array;
  sampleRate: number;
  startS: number;
  phonemes: TimedSpan[];
  words: TimedSpan[];
  marks: TimedSpan[];
}

const RANGES = { speed: [0.25, 4, ""], pitchSemitones: [-12, 12, " semitones"] } as const;

/** A style with what was left out filled in. Throws `SsmphonyError` for a value out of range. */
export function completeStyle(style: Partial<Style> = {}): Style {
  const whole = { speed: 1, pitchSemitones: 0, speaker: null, ...style };
  for (const [key, [least, most, unit]] of Object.entries(RANGES)) {
    const value = whole[key as "speed" | "pitchSemitones"];
    if (!(value >= least && value <= most)) {
      throw new SsmphonyError(`${key} ${value} is out of range: choose ${least} to ${most}${unit}`);
    }
  }
  return whole;
}
