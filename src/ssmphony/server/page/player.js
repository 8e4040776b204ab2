/**
 * Plays samples as they arrive, on the clock of an `AudioContext`, and keeps them: it can pause, and go anywhere within
 * what has arrived.
 *
 * Each piece is an `AudioBufferSourceNode` that starts on the very frame where the one before ends. An AudioWorklet would
 * do as well, but exists only on https and localhost; this also sounds on http in a home network.
 */

const LEAD_S = 0.03; // between the arrival of the first piece and its sound
const AHEAD_S = 5; // what is scheduled at once: timers of a hidden page run once a second
const FADE_S = 0.05; // a cut would click

export class Player {
  #context;
  #output;
  #rate;
  #pieces = []; // {from: sample of the stream, samples: Int16Array}
  #received = 0; // samples
  #resting = 0; // where it stands while it does not play, in samples
  #next = 0; // the sample to be scheduled next
  #gain = null; // of what sounds; null while it does not play
  #nodes = new Set();
  #spans = []; // {at: frame of the context, from: sample of the stream, samples}: one, and one more for each gap
  #timer;

  /** Plays from the first sample on, unless it is paused. */
  constructor(context, rate) {
    this.#context = context;
    this.#rate = rate;
    this.#output = context.createGain();
    this.#output.connect(context.destination);
    this.play();
  }

  get playing() {
    return this.#gain !== null;
  }

  /** samples: Int16Array, the next of the stream. */
  push(samples) {
    if (!samples.length) return;
    this.#pieces.push({ from: this.#received, samples });
    this.#received += samples.length;
    if (this.playing) this.#schedule();
  }

  /** Seconds of the stream: where it rests, or what sounds now, after the latency of the device. */
  get position() {
    return this.#place() / this.#rate;
  }

  /** Everything that was pushed has been heard. */
  get idle() {
    return this.#place() >= this.#received - 0.5;
  }

  play() {
    if (this.playing) return;
    this.#gain = this.#context.createGain();
    this.#gain.connect(this.#output);
    this.#timer = setInterval(() => this.#schedule(), 250);
    this.#next = this.#resting;
    this.#schedule();
  }

  pause() {
    if (!this.playing) return;
    this.#resting = Math.round(this.#place());
    clearInterval(this.#timer);
    const now = this.#context.currentTime;
    this.#gain.gain.setTargetAtTime(0, now, FADE_S / 6);
    for (const node of this.#nodes) node.stop(now + FADE_S);
    this.#gain = null;
    this.#nodes = new Set();
    this.#spans = [];
  }

  /** Go to a place within what has arrived. */
  seek(seconds) {
    const { playing } = this;
    this.pause();
    this.#resting = Math.round(Math.max(0, Math.min(seconds * this.#rate, this.#received)));
    if (playing) this.play();
  }

  /** In samples. */
  #place() {
    if (!this.playing || !this.#spans.length) return this.#resting;
    const now = (this.#context.currentTime - (this.#context.outputLatency || 0)) * this.#rate;
    const span = this.#spans.findLast(({ at }) => at <= now);
    return span ? span.from + Math.min(now - span.at, span.samples) : this.#spans[0].from;
  }

  #schedule() {
    while (this.#next < this.#received) {
      const now = this.#context.currentTime * this.#rate;
      let span = this.#spans.at(-1);
      if (span && span.at + span.samples > now + AHEAD_S * this.#rate) return;
      if (!span || span.at + span.samples < now) {
        span = { at: Math.ceil(now + LEAD_S * this.#rate), from: this.#next, samples: 0 };
        this.#spans.push(span);
      }
      const { from, samples } = this.#pieceAt(this.#next);
      const rest = samples.subarray(this.#next - from);
      this.#start(rest, (span.at + span.samples) / this.#rate);
      span.samples += rest.length;
      this.#next += rest.length;
    }
  }

  #pieceAt(sample) {
    let [low, high] = [0, this.#pieces.length];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#pieces[middle].from <= sample) low = middle;
      else high = middle;
    }
    return this.#pieces[low];
  }

  #start(integers, seconds) {
    const buffer = this.#context.createBuffer(1, integers.length, this.#rate);
    buffer.copyToChannel(Float32Array.from(integers, (value) => value / 32768), 0);
    const node = this.#context.createBufferSource();
    const nodes = this.#nodes;
    node.buffer = buffer;
    node.connect(this.#gain);
    node.onended = () => nodes.delete(node);
    node.start(seconds);
    nodes.add(node);
  }
}
