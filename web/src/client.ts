/** A voice that speaks in a worker. */

import type { Reply, Request, Sources } from "./messages.js";
import { SsmphonyError, type AudioChunk, type Style } from "./types.js";
import type { VoiceCard } from "./voice.js";

export interface ClientOptions extends Sources {
  /** The worker's script; without, the one next to this module. */
  worker?: string | URL;
  /** Called as bytes of the voice, the runtime and the frontend arrive. */
  onProgress?: (bytes: number) => void;
}

type Listener = (reply: Extract<Reply, { id: number }>) => void;

export class VoiceClient {
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #last = 0;

  private constructor(
    worker: Worker,
    readonly card: VoiceCard,
    readonly sampleRate: number,
  ) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      if ("id" in data) this.#listeners.get(data.id)?.(data);
    };
  }

  /** Start a worker and load a voice into it. Throws `SsmphonyError` where that fails. */
  static load({ worker: script, onProgress, ...sources }: ClientOptions): Promise<VoiceClient> {
    const worker = new Worker(script ?? new URL("./worker.js", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        worker.terminate();
        reject(new SsmphonyError(message));
      };
      worker.onerror = (event) => fail(event.message || "the worker's script cannot be loaded: check its address");
      worker.onmessage = ({ data }: MessageEvent<Reply>) => {
        if (data.kind === "progress") onProgress?.(data.bytes);
        else if (data.kind === "failed") fail(data.message);
        else if (data.kind === "loaded") resolve(new VoiceClient(worker, data.card, data.sampleRate));
      };
      const absolute = Object.entries(sources).map(([name, url]) => [name, new URL(url, document.baseURI).href]);
      post(worker, { kind: "load", sources: Object.fromEntries(absolute) as Sources });
    });
  }

  /**
   * Speak plain text or SSML, a chunk at a time. Leaving the loop, or aborting `signal`, stops the computation.
   * Throws `SsmphonyError` as `Voice.stream` does.
   */
  async *stream(text: string, style: Partial<Style> = {}, signal?: AbortSignal): AsyncGenerator<AudioChunk, void> {
    const id = ++this.#last;
    const replies: Extract<Reply, { id: number }>[] = [];
    let arrived = (): void => {};
    this.#listeners.set(id, (reply) => {
      replies.push(reply);
      arrived();
    });
    const stop = (): void => {
      post(this.#worker, { kind: "stop", id });
      arrived();
    };
    signal?.addEventListener("abort", stop);
    post(this.#worker, { kind: "speak", id, text, style });
    try {
      while (!signal?.aborted) {
        if (!replies.length) await new Promise<void>((resolve) => (arrived = resolve));
        const reply = replies.shift();
        if (reply?.kind === "done") return;
        if (reply?.kind === "error") throw new SsmphonyError(reply.message);
        if (reply?.kind === "chunk") yield reply.chunk;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      post(this.#worker, { kind: "stop", id });
      this.#listeners.delete(id);
    }
  }

  /** End the worker. */
  close(): void {
    this.#worker.terminate();
  }
}

function post(worker: Worker, request: Request): void {
  worker.postMessage(request);
}
