/** The language of the page's own texts. It is remembered; at first, it is the browser's. */

import { MESSAGES } from "./messages.js";

const STORED = "ssmphony-language";
const values = new WeakMap(); // element → what stands in the braces of its text

let language = remembered() ?? navigator.languages.map((code) => code.slice(0, 2)).find((code) => code in MESSAGES) ?? "en";

/** The code of the language. */
export const current = () => language;

/** Whether there is a text of that name, in the language or in English. */
export const has = (name) => name in MESSAGES[language] || name in MESSAGES.en;

/** The text of that name. */
export function message(name, fields = {}) {
  const text = MESSAGES[language][name] ?? MESSAGES.en[name];
  return text.replace(/\{(\w+)\}/g, (_, field) => fields[field]);
}

/** Show a text in `element`, in the language that is chosen now or later. "" takes it away. */
export function say(element, name, fields = {}) {
  element.dataset.text = name;
  values.set(element, fields);
  render(element);
}

/** Show a text of the server, which speaks English. */
export function quote(element, text) {
  delete element.dataset.text;
  element.lang = "en";
  element.textContent = text;
}

/** Choose a language, and show every text of the page in it. */
export function choose(code) {
  language = code;
  try {
    localStorage.setItem(STORED, code);
  } catch {
    // a browser that keeps nothing asks again
  }
  translate();
}

/** Show every text of the page in the language. */
export function translate() {
  document.documentElement.lang = language;
  document.title = message("title");
  document.querySelectorAll("[data-text]").forEach(render);
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = message(element.dataset.label);
}

function render(element) {
  const name = element.dataset.text;
  const text = name ? message(name, values.get(element)) : "";
  if (element.textContent !== text) element.textContent = text; // a live region speaks at every change
  if (name && !(name in MESSAGES[language])) element.lang = "en";
  else element.removeAttribute("lang");
}

function remembered() {
  try {
    const code = localStorage.getItem(STORED);
    return code in MESSAGES ? code : null;
  } catch {
    return null;
  }
}
