/** Word times, and the text in which words light up. */

/** The server counts Unicode code points, the DOM UTF-16 units. Returns the function from the one to the other. */
export function utf16Offsets(text) {
  const units = [0];
  for (const character of text) units.push(units.at(-1) + character.length);
  return (offset) => units[Math.max(0, Math.min(offset, units.length - 1))];
}

/** The index of the last word that has begun at `seconds`, -1 before the first; `words` are in the order of time. */
export function lastBegun(words, seconds) {
  let [low, high] = [0, words.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start_s <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * A textarea over a copy of its text. The copy is invisible but for its marks, so the words light up in the text as it
 * was typed, which stays an ordinary field; it also gives the field its height.
 */
export class LitText {
  #field;
  #spoken = document.createElement("span");
  #word = document.createElement("mark");
  #rest = document.createTextNode("");
  #shown = "";

  constructor(field, copy) {
    this.#field = field;
    this.#spoken.className = "spoken";
    copy.replaceChildren(this.#spoken, this.#word, this.#rest);
    this.clear();
  }

  /** Light `text[start:end]`, in UTF-16 units; what lies before it has been spoken. */
  light(start, end) {
    const text = this.#field.value;
    const shown = `${start} ${end}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#spoken.textContent = text.slice(0, start);
    this.#word.textContent = text.slice(start, end);
    this.#rest.data = `${text.slice(end)}\u200b`; // a last empty line counts too
    this.#follow();
  }

  clear() {
    this.light(0, 0);
    this.#shown = "";
    this.#rest.data = `${this.#field.value}\u200b`;
  }

  /** Scroll the box, never the page. */
  #follow() {
    const box = this.#field.parentElement;
    const [top, bottom] = [this.#word.offsetTop, this.#word.offsetTop + this.#word.offsetHeight];
    if (top < box.scrollTop) box.scrollTop = top - 16;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 16;
  }
}
