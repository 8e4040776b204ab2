/** The page: text in, speech out, the word that is heard lit up. */

import { Player, SsmphonyError, VoiceClient, type TimedSpan } from "../src/index.js";

/** What the build says of the voice. */
declare const PAGE: {
  speakers: string[];
  speakerNames: Record<string, string>;
  sampleRate: number;
  /** To be loaded, in all, from a server that compresses. */
  bytes: number;
  /** Of the files whose arrival is reported. */
  counted: number;
};

const EXAMPLES = {
  "समय और दाम": "मुंबई की ट्रेन 8:45 बजे आएगी, और टिकट ₹1,250 का है।",
  "मिली-जुली भाषा": "कल की meeting online होगी, link WhatsApp पर भेज दूँगा।",
  "Roman Hindi": "kal subah jaldi aana, hum sab saath mein chai piyenge.",
  "कहानी": "एक घने जंगल में एक छोटी सी गिलहरी रहती थी। उसे अखरोट बहुत पसंद थे! क्या तुम उसका नाम जानते हो?",
};
const OFFLINE_WAIT_MS = 3000;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const form = element<HTMLFormElement>("speech");
const field = element<HTMLTextAreaElement>("text");
const speaker = element<HTMLSelectElement>("speaker");
const speed = element<HTMLInputElement>("speed");
const progress = element<HTMLProgressElement>("progress");

let loading: Promise<[VoiceClient, Player]> | undefined;
let running: AbortController | undefined;

function show(status: string, error = ""): void {
  element("status").textContent = status;
  element("error").textContent = error;
}

/** Text with one word lit up. */
function light(word: TimedSpan | null): void {
  const copy = element("copy");
  const mark = document.createElement("mark");
  mark.textContent = word ? field.value.slice(word.start, word.end) : "";
  const [before, after] = word ? [field.value.slice(0, word.start), field.value.slice(word.end)] : [field.value, ""];
  copy.replaceChildren(before, mark, `${after}\n`);
}

/** A service worker keeps what is loaded, so that the page works offline; without one it works, too. */
async function keepFiles(): Promise<void> {
  if (!navigator.serviceWorker) return;
  const controlled = new Promise<void>((resolve) => {
    if (navigator.serviceWorker.controller) resolve();
    navigator.serviceWorker.addEventListener("controllerchange", () => resolve());
  });
  const late = new Promise<void>((resolve) => setTimeout(resolve, OFFLINE_WAIT_MS));
  try {
    await navigator.serviceWorker.register("service-worker.js", { type: "module" });
    await Promise.race([controlled, late]);
  } catch {
    // private windows and some frames refuse it
  }
}

async function load(): Promise<[VoiceClient, Player]> {
  const start = performance.now();
  let loaded = 0;
  progress.hidden = false;
  progress.removeAttribute("value"); // moves, until bytes are known
  show("Loading the voice. This happens once; later the page works offline.");
  await keepFiles();
  const voice = VoiceClient.load({
    worker: "worker.js",
    voice: "voice/",
    runtime: "ort-wasm-simd-threaded.wasm.gz",
    python: "python/",
    frontend: "python/frontend.zip",
    onProgress(bytes) {
      loaded += bytes;
      progress.value = Math.min(loaded / PAGE.counted, 1);
    },
  });
  const player = Player.create(PAGE.sampleRate, "player-worklet.js");
  try {
    const both = await Promise.all([voice, player]);
    performance.measure("load", { start });
    return both;
  } finally {
    progress.hidden = true;
  }
}

async function speak(): Promise<void> {
  const controller = (running = new AbortController());
  form.classList.add("speaking");
  element("label").textContent = "Stop";
  try {
    loading ??= load().catch((error) => {
      loading = undefined; // try again next time
      throw error;
    });
    const [voice, player] = await loading;
    if (controller.signal.aborted) return;
    await player.resume();
    player.onword = light;
    const start = performance.now();
    const style = { speaker: speaker.value, speed: speed.valueAsNumber };
    let [first, seconds] = [0, 0];
    const since = (name: string): number => performance.measure(name, { start, detail: { seconds } }).duration / 1000;
    for await (const chunk of voice.stream(field.value, style, controller.signal)) {
      first ||= since("first sound");
      seconds += chunk.samples.length / chunk.sampleRate;
      player.push(chunk);
    }
    if (controller.signal.aborted) return;
    player.end();
    if (!seconds) return show("There is nothing to speak in this text.");
    const total = since("speech").toFixed(1);
    show(`First sound after ${first.toFixed(2)} s; ${seconds.toFixed(1)} s of speech computed in ${total} s.`);
    await new Promise<void>((resolve) => {
      player.onover = resolve;
      controller.signal.addEventListener("abort", () => resolve());
    });
  } catch (error) {
    if (!(error instanceof SsmphonyError)) console.error(error);
    show("", error instanceof Error ? error.message : String(error));
  } finally {
    if (running === controller) rest();
  }
}

function rest(): void {
  running = undefined;
  form.classList.remove("speaking");
  element("label").textContent = "Speak";
  light(null);
}

async function stop(): Promise<void> {
  running?.abort();
  rest();
  const [, player] = (await loading) ?? [];
  player?.stop();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void (running ? stop() : speak());
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) void stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
field.addEventListener("input", () => {
  if (running) void stop();
  light(null);
});
speed.addEventListener("input", () => {
  element("speed-shown").textContent = speed.valueAsNumber.toFixed(2);
});

for (const name of PAGE.speakers) speaker.add(new Option(PAGE.speakerNames[name] ?? name, name));
for (const [title, text] of Object.entries(EXAMPLES)) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.onclick = () => {
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  element("examples").append(button);
}
light(null);
show(`The first press loads ${Math.round(PAGE.bytes / 1e6)} MB; after that the page needs no network.`);
