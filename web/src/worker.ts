/** A voice in a worker, so that the page stays responsive while it speaks. The other end is `VoiceClient`. */

import { fetchBytes, voiceReader } from "./fetching.js";
import type { Reply, Request, Sources } from "./messages.js";
import { PythonFrontend } from "./python-frontend.js";
import { useRuntime } from "./runtime.js";
import { Voice } from "./voice.js";

declare const self: DedicatedWorkerGlobalScope;

/** Spoken once and thrown away: browsers compile WebAssembly that is used often into faster code. */
const WARM_UP = "नमस्ते, आप कैसे हैं?";

let voice: Voice | undefined;
const stopped = new Set<number>();
let queue: Promise<void> = Promise.resolve(); // one sentence at a time: the graphs share one thread

self.onmessage = ({ data }: MessageEvent<Request>) => {
  if (data.kind === "load") void load(data.sources);
  else if (data.kind === "stop") stopped.add(data.id);
  else queue = queue.then(() => speak(data));
};

function send(reply: Reply, transfer: Transferable[] = []): void {
  self.postMessage(reply, transfer);
}

async function load(sources: Sources): Promise<void> {
  const progress = (bytes: number): void => send({ kind: "progress", bytes });
  try {
    const frontend = PythonFrontend.load(sources.python, fetchBytes(sources.frontend, progress));
    const read = voiceReader(sources.voice, progress);
    useRuntime((await fetchBytes(sources.runtime, progress)).buffer);
    voice = await Voice.load(read, frontend);
    for await (const _ of voice.stream(WARM_UP));
    send({ kind: "loaded", card: voice.card, sampleRate: voice.sampleRate });
  } catch (error) {
    send({ kind: "failed", message: messageOf(error) });
  }
}

async function speak({ id, text, style }: Extract<Request, { kind: "speak" }>): Promise<void> {
  try {
    for await (const chunk of voice?.stream(text, style) ?? []) {
      await received();
      if (stopped.has(id)) break;
      send({ kind: "chunk", id, chunk }, [chunk.samples.buffer]);
    }
    send({ kind: "done", id });
  } catch (error) {
    send({ kind: "error", id, message: messageOf(error) });
  }
  stopped.delete(id);
}

/** Let messages in: a computation that never waits would see no request to stop. */
function received(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
