/** Plays samples in the order in which they arrive, and says how many have been played. */

import type { FromWorklet, ToWorklet } from "./player.js";

// the scope of a worklet, of which TypeScript's libraries know nothing
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

const REPORTS_PER_S = 50;

class PlayerProcessor extends AudioWorkletProcessor {
  #pieces: Float32Array[] = [];
  #place = 0; // in the first piece
  #played = 0;
  #reported = 0;
  #ended = false; // nothing more will come

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToWorklet>) => {
      if (data.kind === "samples") this.#pieces.push(data.samples);
      else if (data.kind === "end") this.#ended = true;
      else [this.#pieces, this.#place, this.#played, this.#reported, this.#ended] = [[], 0, 0, 0, false];
    };
  }

  process(_inputs: Float32Array[][], [[output]]: Float32Array[][]): boolean {
    let filled = 0;
    while (filled < output.length && this.#pieces.length) {
      const rest = this.#pieces[0].subarray(this.#place);
      const taken = rest.subarray(0, output.length - filled);
      output.set(taken, filled);
      filled += taken.length;
      this.#place += taken.length;
      if (taken.length === rest.length) {
        this.#pieces.shift();
        this.#place = 0;
      }
    }
    this.#played += filled;
    const over = this.#ended && !this.#pieces.length;
    if (over || this.#played - this.#reported >= sampleRate / REPORTS_PER_S) {
      this.#reported = this.#played;
      this.port.postMessage({ played: this.#played, over } satisfies FromWorklet);
      if (over) this.#ended = false;
    }
    return true;
  }
}

registerProcessor("ssmphony-player", PlayerProcessor);
