/** One text being spoken: what has come of it, and how far it has been heard. */

import { stream } from "./api.js";
import { Player } from "./player.js";
import { lastBegun, utf16Offsets } from "./words.js";

export class Utterance {
  sounding = true;
  complete = false; // the whole sound is here
  pieces = []; // Int16Array, as they came
  received = 0;
  rate = 0;
  firstSound = 0; // milliseconds from the press to the first samples
  madeIn = 0; // milliseconds from the press to the last
  #words = [];
  #player;
  #cancel;
  #pressed = performance.now();

  /** `tell`: {started, samples, done, failed}, called behind what happens here. */
  constructor(request, context, tell) {
    this.request = request;
    const unit = utf16Offsets(request.text);
    this.#cancel = stream(request, {
      started: (message) => {
        this.rate = message.sample_rate;
        this.#player = new Player(context, this.rate);
        tell.started(message);
      },
      samples: (integers) => {
        this.firstSound ||= performance.now() - this.#pressed;
        const samples = Float32Array.from(integers, (value) => value / 32768);
        this.pieces.push(integers);
        this.received += integers.length;
        this.#player.push(samples);
        tell.samples(samples);
      },
      words: (words) => {
        this.#words.push(...words.map((word) => ({ ...word, start: unit(word.start), end: unit(word.end) })));
      },
      done: () => {
        this.madeIn = performance.now() - this.#pressed;
        this.complete = this.received > 0;
        this.#ended = true;
        tell.done();
      },
      failed: (error) => tell.failed(error),
    });
  }

  #ended = false;

  /** Seconds received. */
  get seconds() {
    return this.rate ? this.received / this.rate : 0;
  }

  /** Seconds heard. */
  get position() {
    return this.#player?.position ?? 0;
  }

  /** To the end. */
  get heard() {
    return this.#ended && this.#player.idle;
  }

  /** The last word that has begun, with its offsets in UTF-16 units. */
  word(seconds) {
    return this.#words[lastBegun(this.#words, seconds)];
  }

  stop() {
    this.sounding = false;
    this.#cancel();
    this.#player?.stop();
  }
}
