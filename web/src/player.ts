/** Plays chunks of speech as they arrive, in an AudioWorklet, and knows which word is being spoken. */

import type { AudioChunk, TimedSpan } from "./types.js";

export type ToWorklet = { kind: "samples"; samples: Float32Array } | { kind: "end" } | { kind: "clear" };
export interface FromWorklet {
  played: number;
  over: boolean;
}

export class Player {
  /** Called with each word when its sound begins, and with null when none is spoken any more. */
  onword: (word: TimedSpan | null) => void = () => {};
  /** Called when everything up to `end` has been played. */
  onover: () => void = () => {};
  readonly #context: AudioContext;
  readonly #node: AudioWorkletNode;
  #words: TimedSpan[] = [];
  #word: TimedSpan | null = null;
  #heard = { seconds: 0, at: 0 }; // seconds played, and when that was reported
  #frame = 0;

  private constructor(context: AudioContext, node: AudioWorkletNode) {
    [this.#context, this.#node] = [context, node];
    node.port.onmessage = ({ data }: MessageEvent<FromWorklet>) => this.#report(data);
  }

  /**
   * @param sampleRate of the voice
   * @param worklet the worklet's script; without, the one next to this module
   */
  static async create(sampleRate: number, worklet?: string | URL): Promise<Player> {
    const context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    await context.audioWorklet.addModule(worklet ?? new URL("./player-worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "ssmphony-player", { numberOfInputs: 0, outputChannelCount: [1] });
    node.connect(context.destination);
    return new Player(context, node);
  }

  /** The last node before the loudspeaker, to record or to draw what it plays. */
  get output(): AudioNode {
    return this.#node;
  }

  /** Browsers allow sound only after the user has done something: call it where a click or a key is handled. */
  async resume(): Promise<void> {
    await this.#context.resume();
  }

  /** Hold the sound; `resume` goes on. */
  async pause(): Promise<void> {
    await this.#context.suspend();
  }

  /** Play a chunk after what was pushed before. Its samples are copied. */
  push(chunk: AudioChunk): void {
    this.#words.push(...chunk.words);
    this.#post({ kind: "samples", samples: chunk.samples });
    if (!this.#frame) this.#follow();
  }

  /** Say that nothing more will come. */
  end(): void {
    this.#post({ kind: "end" });
  }

  /** Fall silent at once and forget what was pushed. */
  stop(): void {
    this.#post({ kind: "clear" });
    this.#rest();
  }

  #post(message: ToWorklet): void {
    this.#node.port.postMessage(message);
  }

  #report({ played, over }: FromWorklet): void {
    this.#heard = { seconds: played / this.#context.sampleRate, at: this.#context.currentTime };
    if (!over) return;
    this.#rest();
    this.onover();
  }

  #rest(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#words = [];
    this.#heard = { seconds: 0, at: 0 };
    this.#light(null);
    this.#post({ kind: "clear" }); // the count of samples begins anew
  }

  /** Light up the word that is heard now: what was played last reaches the ear a little later. */
  #follow(): void {
    this.#frame = requestAnimationFrame(() => this.#follow());
    const { seconds, at } = this.#heard;
    if (!at) return;
    const now = seconds + Math.min(this.#context.currentTime - at, 0.05) - (this.#context.outputLatency || 0);
    const begun = this.#words.findLast((word) => word.startS <= now) ?? null;
    this.#light(begun && now < begun.endS + 0.2 ? begun : null);
  }

  #light(word: TimedSpan | null): void {
    if (word === this.#word) return;
    this.#word = word;
    this.onword(word);
  }
}
