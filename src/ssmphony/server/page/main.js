/** The page: a press of the button becomes an `Utterance`, and every picture shows how far it has been heard. */

import * as api from "./api.js";
import { Controls } from "./controls.js";
import { Count } from "./count.js";
import { EXAMPLES } from "./examples.js";
import * as language from "./language.js";
import { fromFragment, toFragment } from "./link.js";
import { Scope } from "./scope.js";
import { Transport } from "./transport.js";
import { Utterance } from "./utterance.js";
import { wav } from "./wav.js";
import { LitText } from "./words.js";

const { quote, say } = language;
const element = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const controls = new Controls();
const count = new Count();
const scope = new Scope(element("scope"));
const transport = new Transport({ toggle, seek });
const lit = new LitText(element("text"), element("copy"));

let context; // made by the first press: browsers allow no sound before one
let current; // the last utterance, sounding or not

// -- speaking ---------------------------------------------------------------------------------------------------------

function speak() {
  const request = controls.request;
  stop();
  complain("");
  if (!request.text.trim()) {
    complain("text.missing");
    element("text").focus();
    return;
  }
  context ??= new AudioContext({ sampleRate: controls.voice?.sample_rate, latencyHint: "interactive" });
  context.resume();
  history.replaceState(null, "", toFragment(request));
  lit.clear();
  say(element("figures"), "figures.waiting");
  current = new Utterance(request, context, { started, samples, done, failed });
  blank(controls.voice?.sample_rate);
  show("status.speaking");
  follow(current);
}

function stop() {
  if (!current?.active) return;
  current.stop();
  scope.end();
  finish("status.stopped");
}

function toggle() {
  if (current.playing) {
    current.pause();
    show("status.paused");
  } else {
    context.resume();
    current.play();
    show("status.speaking");
    follow(current);
  }
}

function seek(seconds) {
  current.seek(seconds);
  draw();
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
  if (!current.playing) draw();
}

function done() {
  scope.end();
  refresh();
  tell();
}

/** What has arrived is heard to its end. */
function failed(error) {
  scope.end();
  if (current.received) say(element("figures"), "figures.broken", { seconds: current.seconds.toFixed(1) });
  else {
    current.stop();
    finish("");
    say(element("figures"), "figures.none");
  }
  refresh();
  report(error);
}

function finish(status) {
  show(status);
  lit.clear();
  scope.draw(null, !still.matches);
}

/** Once a picture, while it plays: the playhead, the lit word, and whether it is over. */
function follow(utterance) {
  if (utterance !== current || !utterance.playing) return;
  requestAnimationFrame(() => follow(utterance));
  draw();
  if (utterance.heard) {
    utterance.pause();
    finish(utterance.broken ? "status.broken" : "status.finished");
  }
}

// -- showing ----------------------------------------------------------------------------------------------------------

function draw() {
  const position = current.position;
  scope.draw(position, !still.matches);
  transport.show(current);
  const word = current.word(position);
  if (word && element("text").value === current.request.text) lit.light(word.start, word.end);
}

function show(status) {
  say(element("status"), status);
  refresh();
}

/** What can be done now. */
function refresh() {
  const active = Boolean(current?.active);
  document.body.classList.toggle("speaking", active);
  say(element("speak-label"), active ? "stop" : "speak");
  transport.show(current);
  element("wav").disabled = !current?.received || current.receiving;
  element("mp3").disabled = !current?.complete;
}

function tell() {
  const { seconds, firstSound, madeIn, complete } = current;
  if (!seconds) return;
  const fields = { seconds: seconds.toFixed(1), first: Math.round(firstSound), made: (madeIn / 1000).toFixed(1) };
  say(element("figures"), complete ? "figures.all" : "figures.first", fields);
}

/** A text of the page as an error; "" takes it away. */
function complain(name, fields) {
  say(element("error"), name, fields);
}

function report(error) {
  const own = `error.${error.code}`;
  if (error.wantsKey) {
    element("key-form").hidden = false;
    element("key").focus();
    complain(api.key.get() ? "key.wrong" : "");
    api.key.set("");
  } else if (language.has(own)) complain(own);
  else {
    const { message } = error;
    quote(element("error"), message[0].toUpperCase() + message.slice(1) + (/[.!?।]$/.test(message) ? "" : "."));
  }
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
  say(element("status"), "status.mp3");
  try {
    save(await api.encoded(request, "mp3"), request, "mp3");
    say(element("status"), "status.mp3_saved");
  } catch (error) {
    say(element("status"), "");
    report(error);
  }
  refresh();
}

async function copyLink() {
  const request = controls.request;
  if (!request.text.trim()) return complain("text.no_link");
  history.replaceState(null, "", toFragment(request));
  try {
    await navigator.clipboard.writeText(location.href);
    say(element("status"), "status.copied");
  } catch {
    say(element("status"), "status.address"); // http in a home network has no clipboard
  }
}

// -- beginning --------------------------------------------------------------------------------------------------------

async function loadVoices() {
  try {
    const { voices, max_characters: most } = await api.offer();
    controls.voices = voices;
    count.most = most;
    element("key-form").hidden = true;
    complain(...(controls.missing ?? [""]));
  } catch (error) {
    report(error);
  }
}

function restore() {
  const request = fromFragment(location.hash);
  if (!request) return;
  stop();
  controls.request = request;
  complain(...(controls.missing ?? [""]));
}

function example({ name, text }) {
  const [item, button] = [document.createElement("li"), document.createElement("button")];
  button.type = "button";
  say(button, name);
  button.addEventListener("click", () => {
    controls.text = text;
    speak();
  });
  item.append(button);
  return item;
}

/** Everything in the language that was chosen. */
function translate() {
  language.translate();
  for (const button of element("languages").children) button.ariaPressed = String(button.lang === language.current());
  controls.translate();
  count.show();
  transport.show(current);
}

element("examples").replaceChildren(...EXAMPLES.map(example));
for (const button of element("languages").children) {
  button.addEventListener("click", () => {
    language.choose(button.lang);
    translate();
  });
}
element("speech").addEventListener("submit", (event) => {
  event.preventDefault();
  if (current?.active) stop();
  else speak();
});
element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = element("key").value.trim();
  element("key").value = "";
  if (!api.key.canBeSent(key)) return complain("key.unsendable");
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
element("scope").addEventListener("click", (event) => {
  if (current?.received) seek(scope.secondsAt(event.offsetX));
});
element("wav").addEventListener("click", () => {
  save(new Blob([wav(current.pieces, current.rate)], { type: "audio/wav" }), current.request, "wav");
});
element("mp3").addEventListener("click", saveMp3);
element("link").addEventListener("click", copyLink);
addEventListener("hashchange", restore);
const redraw = () => current?.playing || scope.draw(null, false);
new ResizeObserver(redraw).observe(element("scope"));
for (const colours of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
  matchMedia(colours).addEventListener("change", () => {
    scope.recolour();
    redraw();
  });
}
translate();
restore();
loadVoices();
