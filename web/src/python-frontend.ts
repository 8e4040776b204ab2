/**
 * The text frontend of ssmphony itself, on Python in WebAssembly (Pyodide): the same code as on a server, so phones,
 * numbers and sentences are the same by construction.
 */

import { loadPyodide, type PyodideAPI } from "pyodide";

import type { Frontend } from "./frontend.js";
import { SsmphonyError, type Mark, type Prosody, type Tokens, type Word } from "./types.js";

type Next = () => string | undefined;

// A sentence at a time as JSON: one string crosses the border more cheaply than many objects.
const BRIDGE = `
import json
from dataclasses import asdict
from ssmphony.errors import SsmphonyError
from ssmphony.text import vocabulary
from ssmphony.text.hindi.tokens import sentences

def symbols():
    return json.dumps(vocabulary.SYMBOLS)

def reader(text, max_tokens):
    found = sentences(text, max_tokens=max_tokens)
    def following():
        try:
            tokens = next(found, None)
        except SsmphonyError as error:
            return json.dumps({"error": str(error)})
        if tokens is None:
            return None
        return json.dumps({**asdict(tokens), "marks": [mark._asdict() for mark in tokens.marks]})
    return following
`;

interface Sentence extends Omit<Tokens, "pauseAfterS" | "breaksS" | "prosody"> {
  error?: string;
  pause_after_s: number;
  breaks_s: number;
  prosody: { speed: number; pitch_semitones: number; gain_db: number }[];
  words: Word[];
  marks: Mark[];
}

export class PythonFrontend implements Frontend {
  readonly symbols: readonly string[];
  readonly #python: PyodideAPI;
  readonly #reader: (text: string, maxTokens: number) => Next;

  private constructor(python: PyodideAPI) {
    this.#python = python;
    python.runPython(BRIDGE);
    this.symbols = JSON.parse((python.globals.get("symbols") as () => string)()) as string[];
    this.#reader = python.globals.get("reader") as (text: string, maxTokens: number) => Next;
  }

  /**
   * @param indexURL where Pyodide's files are
   * @param code a ZIP archive of the Python package, or what gives one
   */
  static async load(indexURL: string, code: Uint8Array | Promise<Uint8Array>): Promise<PythonFrontend> {
    const python = await loadPyodide({ indexURL });
    python.unpackArchive(new Uint8Array(await code) as never, "zip", { extractDir: "/frontend" });
    python.runPython("import sys; sys.path.insert(0, '/frontend'); sys.dont_write_bytecode = True");
    return new PythonFrontend(python);
  }

  *sentences(text: string, maxTokens = 240): Generator<Tokens> {
    const places = utf16Places(text);
    const next = this.#reader(text, maxTokens);
    try {
      for (let json = next(); json !== undefined; json = next()) yield tokensOf(json, places);
    } finally {
      (next as unknown as { destroy(): void }).destroy();
    }
  }

  /** Python, for what else the frontend's package offers. */
  get python(): PyodideAPI {
    return this.#python;
  }
}

function tokensOf(json: string, places: (place: number) => number): Tokens {
  const { error, pause_after_s, breaks_s, prosody, words, start, end, ...same } = JSON.parse(json) as Sentence;
  if (error !== undefined) throw new SsmphonyError(error);
  const spoken = ({ speed, pitch_semitones, gain_db }: (typeof prosody)[number]): Prosody => {
    return { speed, pitchSemitones: pitch_semitones, gainDb: gain_db };
  };
  return {
    ...same,
    start: places(start),
    end: places(end),
    words: words.map((word) => ({ ...word, start: places(word.start), end: places(word.end) })),
    pauseAfterS: pause_after_s,
    breaksS: breaks_s,
    prosody: prosody.map(spoken),
  };
}

/** From places that count characters, as Python does, to those that count UTF-16 units, as JavaScript does. */
function utf16Places(text: string): (place: number) => number {
  if (!/[\u{10000}-\u{10ffff}]/u.test(text)) return (place) => place;
  const places = [0];
  for (const character of text) places.push(places[places.length - 1] + character.length);
  return (place) => places[place];
}
