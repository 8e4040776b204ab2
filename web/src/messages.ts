/** What `VoiceClient` and its worker send each other. */

import type { AudioChunk, Style } from "./types.js";
import type { VoiceCard } from "./voice.js";

/** Where the files are; addresses are absolute. */
export interface Sources {
  /** The folder of the voice. */
  voice: string;
  /** ONNX Runtime's `ort-wasm-simd-threaded.wasm`, or that with `.gz`. */
  runtime: string;
  /** The folder of Pyodide. */
  python: string;
  /** The ZIP archive of the text frontend. */
  frontend: string;
}

export type Request =
  | { kind: "load"; sources: Sources }
  | { kind: "speak"; id: number; text: string; style: Partial<Style> }
  | { kind: "stop"; id: number };

export type Reply =
  | { kind: "progress"; bytes: number }
  | { kind: "loaded"; card: VoiceCard; sampleRate: number }
  | { kind: "failed"; message: string }
  | { kind: "chunk"; id: number; chunk: AudioChunk }
  | { kind: "done"; id: number }
  | { kind: "error"; id: number; message: string };
