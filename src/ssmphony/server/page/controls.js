/** The form: text, voice, speaker, speed and pitch, read and set as one request. */

import { current, message } from "./language.js";

const element = (id) => document.getElementById(id);
const option = (value, text) => new Option(text, value);

export class Controls {
  #voices = [];
  #wanted = {}; // a link's voice and speaker, until the voices are known

  constructor() {
    element("voice").addEventListener("change", () => this.#showVoice());
    for (const id of ["speed", "pitch"]) element(id).addEventListener("input", () => this.#showStyle());
    this.#showStyle();
  }

  /** The voice that is chosen, or undefined before the voices are known. */
  get voice() {
    return this.#voices.find(({ id }) => id === element("voice").value);
  }

  /** Everything that the sound depends on. What is the voice's own is left out. */
  get request() {
    const speaker = element("speaker").value;
    return {
      text: element("text").value,
      ...(this.voice && { voice: this.voice.id }),
      ...(speaker && { speaker }),
      speed: element("speed").valueAsNumber,
      pitch: element("pitch").valueAsNumber,
    };
  }

  set request({ text, voice, speaker, speed, pitch }) {
    this.text = text;
    [element("speed").value, element("pitch").value] = [speed, pitch];
    this.#wanted = { voice, speaker };
    this.#showStyle();
    this.#choose();
  }

  set text(text) {
    const [field, focused] = [element("text"), document.activeElement];
    if (field.value && text) {
      field.select();
      document.execCommand("insertText", false, text); // unlike .value, leaves what stood there to the browser's undo
      focused.focus();
    }
    if (field.value !== text) {
      field.value = text;
      field.dispatchEvent(new Event("input"));
    }
  }

  set voices(voices) {
    this.#voices = voices;
    this.#listVoices();
    this.#choose();
  }

  /** The language of the page has changed. */
  translate() {
    const { voice, speaker } = this.request;
    this.#listVoices();
    if (voice) element("voice").value = voice;
    this.#showVoice();
    if (speaker) element("speaker").value = speaker;
    this.#showStyle();
  }

  /** The voice or speaker that a link asked for and that is not here, as the name of a text and its fields, or null. */
  get missing() {
    const { voice, speaker } = this.#wanted;
    if (!this.#voices.length) return null;
    if (voice && this.voice?.id !== voice) return ["voice.not_here", { voice }];
    if (speaker && element("speaker").value !== speaker) return ["voice.no_speaker", { speaker }];
    return null;
  }

  #choose() {
    const { voice, speaker } = this.#wanted;
    if (this.#voices.some(({ id }) => id === voice)) element("voice").value = voice;
    this.#showVoice();
    if (this.voice?.speakers?.includes(speaker)) element("speaker").value = speaker;
  }

  #listVoices() {
    const names = new Intl.DisplayNames([current()], { type: "language", fallback: "code" });
    const language = ({ language: code }) => (code ? names.of(code) : message("voice.any_language"));
    const options = this.#voices.map((voice) => option(voice.id, `${voice.name} (${language(voice)})`));
    element("voice").replaceChildren(...options);
    this.#showVoice();
  }

  #showVoice() {
    const { description, licence, attribution, speakers = [], speaker_names: labels = {} } = this.voice ?? {};
    element("speaker").replaceChildren(...speakers.map((name) => option(name, labels[name] ?? name)));
    element("speaker-field").hidden = speakers.length < 2;
    const sentence = (text) => text && `${text.trim().replace(/\.$/, "")}.`;
    const about = [sentence(description), licence && `Licence: ${sentence(licence)}`, sentence(attribution)];
    element("about-voice").textContent = about.filter(Boolean).join(" ");
  }

  #showStyle() {
    const [speed, pitch] = [element("speed").valueAsNumber, element("pitch").valueAsNumber];
    const semitones = `${pitch > 0 ? "+" : pitch < 0 ? "−" : ""}${Math.abs(pitch)}`;
    element("speed-shown").value = `${speed.toFixed(2)}×`;
    element("pitch-shown").value = pitch ? message("pitch.value", { pitch: semitones }) : message("pitch.unchanged");
    element("speed").setAttribute("aria-valuetext", message("speed.value", { speed }));
    element("pitch").setAttribute("aria-valuetext", message("pitch.value", { pitch }));
  }
}
