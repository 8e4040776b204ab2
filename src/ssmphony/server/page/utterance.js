/** One text being spoken: what has come of it, and how far it has been heard. */

import { stream } from "./api.js";
import { Player } from "./player.js";
import { lastBegun, utf16Offsets } from "./words.js";

export class Utterance {
  receiving = true;
  complete = false; // the whole sound is here
  broken = false; // no more will come, against the listener's wish
  pieces = []; // Int16Array, as they came
  received = 0; // samples
  rate = 0;
  firstSound = 0; // milliseconds from the press to the first samples
  madeIn = 0; // milliseconds from the press to the last
  #words = [];
  #player;
  #cancel;
  #pressed = performance.now();

  /** `tell`: {started, samples, done, failed}, called after what happens here. */
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
        this.pieces.push(integers);
        this.received += integers.length;
        this.#player.push(integers);
        tell.samples(Float32Array.from(integers, (value) => value / 32768));
      },
      words: (words) => {
        this.#words.push(...words.map((word) => ({ ...word, start: unit(word.start), end: unit(word.end) })));
      },
      done: () => {
        this.madeIn = performance.now() - this.#pressed;
        this.complete = this.received > 0;
        this.receiving = false;
        tell.done();
      },
      failed: (error) => {
        this.receiving = false;
        this.broken = true;
        tell.failed(error);
      },
    });
  }

  /** Sound comes out, or would if it had arrived. */
  get playing() {
    return this.#player ? this.#player.playing : this.receiving;
  }

  /** There is something to stop. */
  get active() {
    return this.receiving || this.playing;
  }

  /** Seconds received. */
  get seconds() {
    return this.rate ? this.received / this.rate : 0;
  }

  /** Seconds: what is heard now, or where it rests. */
  get position() {
    return this.#player?.position ?? 0;
  }

  /** To the end of all that will come. */
  get heard() {
    return !this.receiving && (!this.#player || this.#player.idle);
  }

  /** The last word that has begun, with its offsets in UTF-16 units. */
  word(seconds) {
    return this.#words[lastBegun(this.#words, seconds)];
  }

  /** From where it rests; from the beginning, where all has been heard. */
  play() {
    if (this.heard) this.#player?.seek(0);
    this.#player?.play();
  }

  pause() {
    this.#player?.pause();
  }

  seek(seconds) {
    this.#player?.seek(seconds);
  }

  /** What has arrived stays, and can be played again. */
  stop() {
    this.receiving = false;
    this.#cancel();
    this.pause();
  }
}
