/**
 * Where text becomes audio.
 *
 *     text ──frontend──▶ sentences ──model──▶ blocks of frames ──codec──▶ samples
 */

import type { Frontend } from "./frontend.js";
import { Graph } from "./graph.js";
import { parseManifest, type VoiceManifest } from "./manifest.js";
import { ParallelModel } from "./parallel.js";
import { speakerWeights } from "./speakers.js";
import { speak } from "./speech.js";
import { SpectrumDecoder } from "./spectrum.js";
import { completeStyle, SsmphonyError, type AudioChunk, type Style } from "./types.js";

/** The silence that the breaks of one text may add up to, in seconds. */
export const MAX_SILENCE_S = 3600;
const MAX_TOKENS = 240; // of a sentence that is not cut

/** Reads a file of a voice's folder. */
export type Read = (file: string) => Promise<Uint8Array>;

/** What a voice says of itself. */
export interface VoiceCard {
  name: string;
  language: string;
  description: string;
  licence: string;
  attribution: string;
  /** The first is the voice's own. */
  speakers: string[];
  /** What people are shown for speakers. */
  speakerNames: Record<string, string>;
}

/** A frontend, a model and a codec. */
export class Voice {
  readonly card: VoiceCard;
  readonly sampleRate: number;

  private constructor(
    manifest: VoiceManifest,
    private readonly frontend: Frontend,
    private readonly model: ParallelModel,
    private readonly codec: SpectrumDecoder,
    private readonly maxTokens: number,
  ) {
    const { name, language, description, licence, attribution, speakers, speaker_names } = manifest;
    this.card = { name, language, description, licence, attribution, speakers, speakerNames: speaker_names };
    this.sampleRate = codec.sampleRate;
  }

  /** Throws `SsmphonyError` when the voice is damaged, or made for another runtime or another frontend. */
  static async load(read: Read, reading: Frontend | Promise<Frontend>): Promise<Voice> {
    const manifest = parseManifest(await read("voice.json"));
    const { model, codec, speakers } = manifest;
    const names = ["encoder", "decoder", "codec_decoder"];
    const graphs = Promise.all(names.map((name) => graph(read, manifest, name)));
    const [frontend, [encoder, decoder, vocoder]] = await Promise.all([reading, graphs]);
    if (manifest.symbols.join(" ") !== frontend.symbols.join(" ")) {
      throw new SsmphonyError(`the voice '${manifest.name}' has other phonemes than the frontend: load matching ones`);
    }
    return new Voice(
      manifest,
      frontend,
      new ParallelModel(encoder, decoder, model.block, model.lookahead, speakers),
      new SpectrumDecoder(vocoder, codec),
      Math.min(model.max_tokens ?? MAX_TOKENS, MAX_TOKENS),
    );
  }

  /**
   * Speak plain text or SSML, a chunk at a time. Text with no speakable content gives no chunks.
   * Throws `SsmphonyError` for a style that is out of range and for faults in SSML.
   */
  async *stream(text: string, style: Partial<Style> = {}): AsyncGenerator<AudioChunk, void> {
    const whole = completeStyle(style);
    speakerWeights(whole.speaker, this.card.speakers); // refuse an unknown one before anything is spoken
    let [spoken, silence] = [0, 0];
    for await (const tokens of this.frontend.sentences(text, this.maxTokens)) {
      silence += tokens.breaksS / whole.speed;
      if (silence > MAX_SILENCE_S + 1e-6) {
        throw new SsmphonyError(`the breaks of this text add up to more than ${MAX_SILENCE_S} s: shorten them`);
      }
      for await (const chunk of speak(this.model, this.codec, tokens, whole, spoken)) {
        spoken += chunk.samples.length;
        yield chunk;
      }
    }
  }

  /** The whole of `stream` at once. */
  async say(text: string, style: Partial<Style> = {}): Promise<AudioChunk> {
    const chunks: AudioChunk[] = [];
    for await (const chunk of this.stream(text, style)) chunks.push(chunk);
    return joined(chunks, this.sampleRate);
  }
}

function joined(chunks: readonly AudioChunk[], sampleRate: number): AudioChunk {
  const samples = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0));
  let place = 0;
  for (const chunk of chunks) {
    samples.set(chunk.samples, place);
    place += chunk.samples.length;
  }
  return {
    samples,
    sampleRate,
    startS: 0,
    phonemes: chunks.flatMap((chunk) => chunk.phonemes),
    words: chunks.flatMap((chunk) => chunk.words),
    marks: chunks.flatMap((chunk) => chunk.marks),
  };
}

/** Read a graph, check it, and build the session from what was checked. */
async function graph(read: Read, manifest: VoiceManifest, name: string): Promise<Graph> {
  const entry = manifest.graphs[name];
  if (!entry) throw new SsmphonyError(`voice.json lists no '${name}' graph: export the voice again`);
  const data = await read(entry.file);
  if ((await checksum(data)) !== entry.sha256) {
    throw new SsmphonyError(`${entry.file} is damaged (its checksum is wrong): load the voice again`);
  }
  return Graph.load(data, entry.file, entry.names);
}

async function checksum(data: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
