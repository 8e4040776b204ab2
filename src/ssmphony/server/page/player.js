/**
 * Plays samples as they arrive, on the clock of an `AudioContext`.
 *
 * Each piece is an `AudioBufferSourceNode` that starts on the very frame where the one before ends. An AudioWorklet would
 * do as well, but exists only on https and localhost; this also sounds on http in a home network.
 */

const LEAD_S = 0.03; // between the arrival of the first piece and its sound
const AHEAD_S = 5; // what is scheduled at once: timers of a hidden page run once a second

export class Player {
  #context;
  #gain;
  #rate;
  #waiting = [];
  #nodes = new Set();
  #spans = []; // {at: frame of the context, from: sample of the stream, samples}: one, and one more for each gap
  #timer;

  constructor(context, rate) {
    this.#context = context;
    this.#rate = rate;
    this.#gain = context.createGain();
    this.#gain.connect(context.destination);
    this.#timer = setInterval(() => this.#schedule(), 250);
  }

  /** samples: Float32Array. */
  push(samples) {
    if (!samples.length) return;
    this.#waiting.push(samples);
    this.#schedule();
  }

  /** Seconds of the stream that have been heard: what sounds now, behind the latency of the device. */
  get position() {
    const now = (this.#context.currentTime - (this.#context.outputLatency || 0)) * this.#rate;
    const span = this.#spans.findLast(({ at }) => at <= now);
    return span ? (span.from + Math.min(now - span.at, span.samples)) / this.#rate : 0;
  }

  /** Everything that was pushed has been heard. */
  get idle() {
    const last = this.#spans.at(-1);
    return !this.#waiting.length && (!last || this.position * this.#rate >= last.from + last.samples - 0.5);
  }

  stop() {
    clearInterval(this.#timer);
    this.#waiting = [];
    const now = this.#context.currentTime;
    this.#gain.gain.setTargetAtTime(0, now, 0.008); // a cut would click
    for (const node of this.#nodes) node.stop(now + 0.05);
  }

  #schedule() {
    while (this.#waiting.length) {
      const now = this.#context.currentTime * this.#rate;
      let span = this.#spans.at(-1);
      if (span && span.at + span.samples > now + AHEAD_S * this.#rate) return;
      if (!span || span.at + span.samples < now) {
        span = { at: Math.ceil(now + LEAD_S * this.#rate), from: span ? span.from + span.samples : 0, samples: 0 };
        this.#spans.push(span);
      }
      const samples = this.#waiting.shift();
      this.#start(samples, (span.at + span.samples) / this.#rate);
      span.samples += samples.length;
    }
  }

  #start(samples, seconds) {
    const buffer = this.#context.createBuffer(1, samples.length, this.#rate);
    buffer.copyToChannel(samples, 0);
    const node = this.#context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.#gain);
    node.onended = () => this.#nodes.delete(node);
    node.start(seconds);
    this.#nodes.add(node);
  }
}
