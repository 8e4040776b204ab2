/** `voice.json`: what a voice package holds, and how its graphs are to be run. */

import { SsmphonyError } from "./types.js";

export const FORMAT_VERSION = 2;

export interface GraphFile {
  file: string;
  sha256: string;
  /** The graph's own name of an input or output → the runtime's, where they differ. */
  names?: Record<string, string>;
}

export interface VoiceManifest {
  format_version: number;
  name: string;
  language: string;
  description: string;
  licence: string;
  attribution: string;
  speakers: string[];
  speaker_names: Record<string, string>;
  symbols: string[];
  voice: { frontend: Record<string, unknown> & { kind?: string } };
  model: {
    family: string;
    block: number;
    lookahead: number;
    max_tokens: number | null;
    capabilities: string[];
  };
  codec: {
    runtime: string;
    sample_rate: number;
    hop_length: number;
    channels: number;
    lookahead: number;
    max_frames: number | null;
    stft: { n_fft: number; hop_length: number; form?: "polar" | "cartesian" } | null;
  };
  graphs: Record<string, GraphFile>;
}

/** The manifest in `bytes`. Throws `SsmphonyError` where it is damaged or holds a voice that does not run here. */
export function parseManifest(bytes: Uint8Array): VoiceManifest {
  let manifest: VoiceManifest;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes)) as VoiceManifest;
  } catch {
    throw new SsmphonyError("voice.json is no JSON: give the address of a voice's folder");
  }
  if (manifest.format_version !== FORMAT_VERSION) {
    throw new SsmphonyError(
      `voice.json has format ${manifest.format_version}, and ${FORMAT_VERSION} is read here: export the voice again`,
    );
  }
  const { model, codec } = manifest;
  if (model.family !== "parallel" || codec.runtime !== "spectrum" || !codec.stft) {
    throw new SsmphonyError(
      `the voice '${manifest.name}' is ${model.family} with a ${codec.runtime} codec: ` +
        "the browser runs parallel voices with a spectrum codec",
    );
  }
  return manifest;
}
