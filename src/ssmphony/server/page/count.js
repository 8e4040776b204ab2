/** How many characters the text has, and how many the server speaks at a time. */

import { current, say } from "./language.js";

const element = (id) => document.getElementById(id);

/** Code points, as the server counts them. */
export function characters(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export class Count {
  #most = Infinity;

  constructor() {
    element("text").addEventListener("input", () => this.show());
  }

  /** What the server speaks at a time. */
  set most(characters) {
    this.#most = characters ?? Infinity;
    this.show();
  }

  show() {
    const count = characters(element("text").value);
    const [over, known] = [count > this.#most, Number.isFinite(this.#most)];
    const shown = (number) => number.toLocaleString(current() === "hi" ? "hi-IN" : "en");
    const fields = { count: shown(count), most: shown(this.#most) };
    say(element("count"), known ? "count.known" : "count.unknown", fields);
    say(element("count-over"), over ? "count.over" : "", fields);
    element("text").setAttribute("aria-invalid", String(over));
  }
}
