/** The picture: waveform above, mel spectrogram below, on one axis of time, drawn as the samples arrive. */

import { LOG_FLOOR, MelSpectrogram, toMel } from "./mel.js";

const BANDS = 100;
const TILE = 256; // columns of the spectrogram that share one bitmap
const TOP = 4.5; // natural logarithm of the loudest magnitude that is told apart
const QUIET = -7.5; // below it all is drawn as silence
const NARROWEST = 28; // pixels a second; what does not fit moves past
const GUTTER = 34; // left of the picture, for the frequencies
const AXIS = 20; // below it, for the seconds
const WAVE = 0.3; // of the height

const level = (log) => Math.round(255 * Math.max(0, Math.min(1, (log - QUIET) / (TOP - QUIET))));

export class Scope {
  #canvas;
  #rate = 24000;
  #mel;
  #samples = 0;
  #peaks; // the lowest and the highest sample of each hop
  #tiles; // {levels: Uint8Array, bitmap: canvas}
  #columns;
  #palette;
  #expected = 0;
  #view = { from: 0, scale: 1 }; // what was drawn last: its first second, and pixels a second

  constructor(canvas) {
    this.#canvas = canvas;
    this.reset(24000, 0);
  }

  /** `expected`: about how many seconds will come, so that the picture fills from the left and does not shrink. */
  reset(rate, expected) {
    this.#rate = rate;
    this.#expected = expected;
    this.#mel = new MelSpectrogram({ sampleRate: rate, bands: BANDS });
    this.#samples = 0;
    this.#columns = 0;
    this.#peaks = { low: [], high: [], left: 0 };
    this.#tiles = [];
    this.#palette = this.#colours();
  }

  /** The colour scheme has changed. */
  recolour() {
    this.#palette = this.#colours();
    this.#tiles.forEach((tile, i) => this.#paint(tile, 0, Math.min(TILE, this.#columns - i * TILE)));
  }

  /** samples: Float32Array. */
  push(samples) {
    this.#samples += samples.length;
    this.#measure(samples);
    const columns = this.#mel.push(samples);
    for (let done = 0; done < columns.length; ) {
      const from = this.#columns % TILE;
      if (from === 0) this.#tiles.push(newTile());
      const part = columns.slice(done, done + TILE - from);
      const tile = this.#tiles.at(-1);
      part.forEach((column, i) => column.forEach((log, band) => (tile.levels[band * TILE + from + i] = level(log))));
      this.#columns += part.length;
      done += part.length;
      this.#paint(tile, from, from + part.length);
    }
  }

  /** Nothing more will come: the whole width is the sound's. */
  end() {
    this.#expected = 0;
  }

  /** `position`: seconds heard, or null when nothing sounds. `smooth` false turns pages instead of moving. */
  draw(position, smooth) {
    const { width, height, context } = this.#fit();
    const colour = (name) => getComputedStyle(this.#canvas).getPropertyValue(name);
    const seconds = this.#samples / this.#rate;
    const wide = width - GUTTER;
    const span = Math.min(Math.max(seconds, this.#expected, 2), wide / NARROWEST);
    const wanted = smooth ? (position ?? 0) - span / 2 : Math.floor((position ?? 0) / span) * span;
    const from = Math.max(0, Math.min(wanted, Math.max(seconds, this.#expected) - span));
    const view = { from, scale: wide / span, width, wave: Math.round(height * WAVE), bottom: height - AXIS };
    this.#view = view;

    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    this.#drawSpectrogram(context, view);
    this.#drawAxes(context, view, span, colour("--quiet"));
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, wide, view.bottom);
    context.clip();
    this.#drawWave(context, view, position, colour("--heard"), colour("--wave"));
    if (position !== null) {
      context.fillStyle = colour("--playhead");
      context.fillRect(GUTTER + (position - from) * view.scale - 1, 0, 2, view.bottom);
    }
    context.restore();
  }

  /** The time at `x` pixels from the left of the picture. */
  secondsAt(x) {
    return Math.max(0, this.#view.from + (x - GUTTER) / this.#view.scale);
  }

  #measure(samples) {
    const peaks = this.#peaks;
    for (const sample of samples) {
      if (peaks.left === 0) {
        peaks.low.push(sample);
        peaks.high.push(sample);
        peaks.left = 256;
      }
      const last = peaks.low.length - 1;
      if (sample < peaks.low[last]) peaks.low[last] = sample;
      if (sample > peaks.high[last]) peaks.high[last] = sample;
      peaks.left--;
    }
  }

  #paint({ levels, bitmap }, from, to) {
    if (to <= from) return;
    const image = new ImageData(to - from, BANDS);
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0; row < BANDS; row++) {
      const band = BANDS - 1 - row; // high frequencies on top
      for (let x = from; x < to; x++) pixels[row * (to - from) + x - from] = this.#palette[levels[band * TILE + x]];
    }
    bitmap.getContext("2d").putImageData(image, from, 0);
  }

  /** 256 colours from the stops that the style sheet gives. */
  #colours() {
    const ramp = document.createElement("canvas");
    [ramp.width, ramp.height] = [256, 1];
    const context = ramp.getContext("2d", { willReadFrequently: true });
    const gradient = context.createLinearGradient(0, 0, 256, 0);
    const stops = getComputedStyle(this.#canvas).getPropertyValue("--mel").split(",");
    stops.forEach((stop, i) => gradient.addColorStop(i / (stops.length - 1), this.#resolved(stop.trim())));
    context.fillStyle = gradient;
    context.fillRect(0, 0, 256, 1);
    return new Uint32Array(context.getImageData(0, 0, 256, 1).data.buffer);
  }

  /** A colour of the system by its value: a canvas outside of the page does not know the page's colour scheme. */
  #resolved(colour) {
    this.#canvas.style.color = colour;
    return getComputedStyle(this.#canvas).color;
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== pixelWidth || this.#canvas.height !== pixelHeight) {
      [this.#canvas.width, this.#canvas.height] = [pixelWidth, pixelHeight];
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height, context };
  }

  #drawSpectrogram(context, { from, scale, width, wave, bottom }) {
    const second = this.#rate / 256; // columns
    context.save();
    context.beginPath();
    context.rect(GUTTER, wave, width - GUTTER, bottom - wave);
    context.clip();
    context.fillStyle = getComputedStyle(this.#canvas).getPropertyValue("--mel").split(",")[0];
    context.fillRect(GUTTER, wave, width - GUTTER, bottom - wave);
    this.#tiles.forEach(({ bitmap }, i) => {
      const x = GUTTER + ((i * TILE - 0.5) / second - from) * scale;
      const wide = (TILE / second) * scale;
      if (x < width && x + wide > GUTTER) context.drawImage(bitmap, x, wave, wide, bottom - wave);
    });
    context.restore();
  }

  #drawWave(context, { from, scale, width, wave }, position, heard, unheard) {
    const { low, high } = this.#peaks;
    const [middle, half] = [wave / 2, wave / 2 - 6];
    const hops = this.#rate / 256 / scale; // a pixel
    const first = (from * this.#rate) / 256;
    for (let x = 0; x < width - GUTTER; x++) {
      const start = Math.floor(first + x * hops);
      if (start >= low.length) break;
      let [bottom, top] = [0, 0];
      for (let i = start; i < Math.min(low.length, Math.max(start + 1, first + (x + 1) * hops)); i++) {
        bottom = Math.min(bottom, low[i]);
        top = Math.max(top, high[i]);
      }
      context.fillStyle = position === null || x < (position - from) * scale ? heard : unheard;
      context.fillRect(GUTTER + x, middle - top * half - 0.5, 1, (top - bottom) * half + 1);
    }
  }

  #drawAxes(context, { from, scale, width, wave, bottom }, span, colour) {
    context.fillStyle = colour;
    context.fillRect(GUTTER, wave / 2, width - GUTTER, 0.5);
    context.fillRect(GUTTER, bottom, width - GUTTER, 0.5);
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const step = [0.5, 1, 2, 5, 10, 20].find((seconds) => seconds * scale >= 44) ?? 60;
    for (let t = Math.ceil(from / step) * step; t <= from + span; t += step) {
      const x = GUTTER + (t - from) * scale;
      context.fillRect(x, bottom, 0.5, 4);
      if (x < width - 12) context.fillText(t === 0 ? "0 s" : `${t}`, x, bottom + AXIS);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const kilohertz of [1, 2, 4, 8]) {
      const share = toMel(kilohertz * 1000) / toMel(this.#rate / 2);
      const y = bottom - share * (bottom - wave);
      if (share < 1) context.fillText(kilohertz === 8 ? "8 kHz" : `${kilohertz}`, GUTTER - 6, y);
    }
  }
}

function newTile() {
  const bitmap = document.createElement("canvas");
  [bitmap.width, bitmap.height] = [TILE, BANDS];
  return { levels: new Uint8Array(TILE * BANDS), bitmap };
}
