/** Pause, play and the slider of the position: within what has arrived of an utterance. */

import { message, say } from "./language.js";

const element = (id) => document.getElementById(id);

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Transport {
  #shown = "";

  /** `act`: {toggle(), seek(seconds)}. */
  constructor(act) {
    element("pause").addEventListener("click", act.toggle);
    element("seek").addEventListener("input", () => act.seek(element("seek").valueAsNumber));
  }

  /** Show an utterance, or none. */
  show(utterance) {
    const [position, seconds] = [utterance?.position ?? 0, utterance?.seconds ?? 0];
    const playing = Boolean(utterance?.playing);
    const slider = element("seek");
    slider.disabled = element("pause").disabled = !seconds;
    slider.max = seconds;
    slider.value = position;
    const fields = { at: Math.floor(position), seconds: Math.floor(seconds) };
    const shown = JSON.stringify([playing, fields, message("pause")]);
    if (shown === this.#shown) return; // not at every picture: a screen reader would speak over the sound
    this.#shown = shown;
    slider.setAttribute("aria-valuetext", message("seek.value", fields));
    element("time").value = `${clock(position)} / ${clock(seconds)}`;
    say(element("pause-label"), playing ? "pause" : "play");
    element("pause").classList.toggle("playing", playing);
  }
}
