/** Hindi text-to-speech in the browser. */

export { VoiceClient, type ClientOptions } from "./client.js";
export { fetchBytes, voiceReader, type Progress } from "./fetching.js";
export type { Frontend } from "./frontend.js";
export { Player } from "./player.js";
export { PythonFrontend } from "./python-frontend.js";
export { useRuntime } from "./runtime.js";
export * from "./types.js";
export { Voice, type Read, type VoiceCard } from "./voice.js";
