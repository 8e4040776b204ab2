/** The page: a press of the button becomes an `Utterance`, and every frame shows how far it has been heard. */

import * as api from "./api.js";
import { Controls } from "./controls.js";
import { EXAMPLES } from "./examples.js";
import { fromFragment, toFragment } from "./link.js";
import { Scope } from "./scope.js";
import { Utterance } from "./utterance.js";
import { wav } from "./wav.js";
import { LitText } from "./words.js";

const element = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const controls = new Controls();
const scope = new Scope(element("scope"));
const lit = new LitText(element("text"), element("copy"));

let context; // made by the first press: browsers allow no sound before one
let current; // the last utterance, sounding or not

// -- speaking ---------------------------------------------------------------------------------------------------------

function speak() {
  const request = controls.request;
  stop();
  complain("");
  if (!request.text.trim()) {
    complain("Write some text first.");
    element("text").focus();
    return;
  }
  context ??= new AudioContext({ sampleRate: controls.voice?.sample_rate, latencyHint: "interactive" });
  context.resume();
  history.replaceState(null, "", toFragment(request));
  lit.clear();
  element("figures").textContent = "Waiting for the first sound…";
  current = new Utterance(request, context, { started, samples, done, failed });
  blank(controls.voice?.sample_rate);
  show("Speaking");
  follow(current);
}

function stop() {
  if (!current?.sounding) return;
  current.stop();
  finish("Stopped");
}

function blank(rate = 24000) {
  const { text, speed } = current.request;
  scope.reset(rate, text.length / 13 / speed); // Hindi is spoken at about 13 characters a second
}

function started({ sample_rate: rate }) {
  blank(rate);
}

function samples(piece) {
  scope.push(piece);
  tell();
}

function done() {
  scope.end();
  allowDownloads();
  tell();
}

function failed(error) {
  const { received } = current;
  current.stop();
  finish("");
  scope.end();
  element("figures").textContent = received ? `Broken off after ${current.seconds.toFixed(1)} s` : "No sound";
  report(error);
}

function finish(status) {
  show(status);
  lit.clear();
  scope.draw(null, !still.matches);
}

/** Once a picture: the playhead, the lit word, and whether it is over. */
function follow(utterance) {
  if (utterance !== current || !utterance.sounding) return;
  requestAnimationFrame(() => follow(utterance));
  const position = utterance.position;
  scope.draw(position, !still.matches);
  const word = utterance.word(position);
  if (word && element("text").value === utterance.request.text) lit.light(word.start, word.end);
  if (utterance.heard) {
    utterance.stop();
    finish("Finished");
  }
}

// -- showing ----------------------------------------------------------------------------------------------------------

function show(status) {
  const sounding = Boolean(current?.sounding);
  document.body.classList.toggle("speaking", sounding);
  element("speak-label").textContent = sounding ? "Stop" : "Speak";
  element("status").textContent = status;
  allowDownloads();
}

function allowDownloads() {
  element("wav").disabled = element("mp3").disabled = !current?.complete;
}

function tell() {
  const { seconds, firstSound, madeIn, complete } = current;
  if (!seconds) return;
  const first = `first sound after ${Math.round(firstSound)} ms`;
  const last = complete ? `, all of it after ${(madeIn / 1000).toFixed(1)} s` : "";
  element("figures").textContent = `${seconds.toFixed(1)} s of speech, ${first}${last}`;
}

/** An error as a sentence; "" takes it away. */
function complain(message) {
  const sentence = message && message[0].toUpperCase() + message.slice(1) + (/[.!?।]$/.test(message) ? "" : ".");
  element("error").textContent = sentence;
}

function report(error) {
  if (error.wantsKey) {
    element("key-form").hidden = false;
    element("key").focus();
    complain(api.key.get() ? "The server does not accept this key." : "");
    api.key.set("");
  } else complain(error.message);
}

// -- taking away ------------------------------------------------------------------------------------------------------

function save(blob, { text }, ending) {
  const link = document.createElement("a");
  const name = text.trim().split(/\s+/).slice(0, 5).join(" ").replace(/[\\/:*?"<>|.।]/g, "");
  link.download = `${name.slice(0, 60) || "ssmphony"}.${ending}`;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function saveMp3() {
  const { request } = current;
  element("mp3").disabled = true;
  element("status").textContent = "Making the mp3";
  try {
    save(await api.encoded(request, "mp3"), request, "mp3");
    element("status").textContent = "The mp3 is saved";
  } catch (error) {
    element("status").textContent = "";
    report(error);
  }
  allowDownloads();
}

async function copyLink() {
  const request = controls.request;
  if (!request.text.trim()) return complain("Write some text first: a link without one leads nowhere.");
  history.replaceState(null, "", toFragment(request));
  try {
    await navigator.clipboard.writeText(location.href);
    element("status").textContent = "Link copied";
  } catch {
    element("status").textContent = "The link is in the address bar"; // http in a home network has no clipboard
  }
}

// -- beginning --------------------------------------------------------------------------------------------------------

async function loadVoices() {
  try {
    controls.voices = await api.voices();
    element("key-form").hidden = true;
    complain(controls.missing);
  } catch (error) {
    report(error);
  }
}

function restore() {
  const request = fromFragment(location.hash);
  if (!request) return;
  stop();
  controls.request = request;
  complain(controls.missing);
}

function example({ name, text }) {
  const [item, button] = [document.createElement("li"), document.createElement("button")];
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => {
    controls.text = text;
    speak();
  });
  item.append(button);
  return item;
}

element("examples").replaceChildren(...EXAMPLES.map(example));
element("speech").addEventListener("submit", (event) => {
  event.preventDefault();
  if (current?.sounding) stop();
  else speak();
});
element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = element("key").value.trim();
  element("key").value = "";
  if (!api.key.canBeSent(key)) return complain("Browsers cannot send this key: it has signs like / or =.");
  api.key.set(key);
  element("text").focus();
  loadVoices();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    speak();
  } else if (event.key === "Escape") stop();
});
element("text").addEventListener("input", () => lit.clear());
element("wav").addEventListener("click", () => {
  save(new Blob([wav(current.pieces, current.rate)], { type: "audio/wav" }), current.request, "wav");
});
element("mp3").addEventListener("click", saveMp3);
element("link").addEventListener("click", copyLink);
addEventListener("hashchange", restore);
new ResizeObserver(() => current?.sounding || scope.draw(null, false)).observe(element("scope"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  scope.recolour();
  scope.draw(null, false);
});
restore();
loadVoices();
