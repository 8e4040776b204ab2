/**
 * The voice speaks as the Python runtime does. `SSMPHONY_CASES` names a folder that `tests/web/cases.py` has written:
 * `cases.json` with texts and what they give, samples, the frontend as a ZIP archive, and where the voice is.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { PythonFrontend } from "../dist/python-frontend.js";
import { Voice } from "../dist/voice.js";
import "../dist/runtime.js";

const FOLDER = process.env.SSMPHONY_CASES;
const PYODIDE = fileURLToPath(new URL("../node_modules/pyodide/", import.meta.url));
const CLOSE = 1e-3;
/** The share of samples that may be further apart: where a threshold lies between two almost equal numbers. */
const FEW = 5e-3;
/** How far below the speech the difference lies at least, in decibels; and where products of 8 bits are rounded. */
const EXACT_DB = 55;
const ROUNDED_DB = 30;

function difference(found, expected) {
  let [apart, noise, signal] = [0, 0, 0];
  found.forEach((value, n) => {
    const distance = Math.abs(value - expected[n]);
    if (!(distance <= CLOSE)) apart++;
    noise += distance ** 2;
    signal += expected[n] ** 2;
  });
  return { apart: apart / found.length, decibels: 10 * Math.log10(signal / Math.max(noise, 1e-20)) };
}

describe("equality with the Python runtime", { skip: FOLDER ? false : "SSMPHONY_CASES names no folder" }, () => {
  const cases = FOLDER ? JSON.parse(readFileSync(join(FOLDER, "cases.json"), "utf8")) : {};
  let frontend, voice;

  before(async () => {
    frontend = await PythonFrontend.load(PYODIDE, readFileSync(join(FOLDER, "frontend.zip")));
    voice = await Voice.load(async (file) => new Uint8Array(readFileSync(join(cases.voice, file))), frontend);
  });

  test("the phones of every text", () => {
    for (const { text, sentences } of cases.texts) {
      const found = [...frontend.sentences(text)].map(({ symbols, words, pauseAfterS }) => {
        return { symbols, words: words.map(({ start, end }) => text.slice(start, end)), pause_after_s: pauseAfterS };
      });
      assert.deepEqual(found, sentences, text);
    }
  });

  for (const { text, style, samples, words, phonemes, marks } of cases.spoken ?? []) {
    test(`the sound of ${text.slice(0, 60)} ${JSON.stringify(style)}`, async () => {
      const audio = await voice.say(text, style);
      const expected = new Float32Array(new Uint8Array(readFileSync(join(FOLDER, samples))).buffer);
      assert.equal(audio.samples.length, expected.length);
      const { apart, decibels } = difference(audio.samples, expected);
      if (cases.exact) assert.ok(apart <= FEW, `${(100 * apart).toFixed(2)} % of the samples differ by more than ${CLOSE}`);
      const least = cases.exact ? EXACT_DB : ROUNDED_DB;
      assert.ok(decibels >= least, `the difference is only ${decibels.toFixed(1)} dB below the speech`);
      const times = (spans) => spans.map(({ text, startS, endS }) => [text, +startS.toFixed(4), +endS.toFixed(4)]);
      assert.deepEqual(times(audio.words), words);
      assert.deepEqual(times(audio.phonemes), phonemes);
      assert.deepEqual(times(audio.marks), marks);
      if (text.startsWith("<")) return; // there, a word may stand for what is written
      for (const word of audio.words) assert.equal(text.slice(word.start, word.end), word.text);
    });
  }

  test("a stream is its whole, and begins before all is computed", async () => {
    const text = cases.spoken[0].text;
    const chunks = [];
    for await (const chunk of voice.stream(text)) chunks.push(chunk);
    const whole = await voice.say(text);
    assert.ok(chunks.length > 2);
    assert.deepEqual(
      chunks.flatMap(({ samples }) => [...samples]),
      [...whole.samples],
    );
    let place = 0;
    for (const { samples, startS } of chunks) {
      assert.ok(Math.abs(startS - place / voice.sampleRate) < 1e-6);
      place += samples.length;
    }
  });

  test("silent text gives nothing, faults one line", async () => {
    assert.equal((await voice.say("  😀 … ")).samples.length, 0);
    await assert.rejects(voice.say("<speak><p>नमस्ते</speak>"), { name: "SsmphonyError", message: /SSML.*line 1/ });
    await assert.rejects(voice.say("नमस्ते", { speaker: "nobody" }), /unknown speaker/);
    await assert.rejects(voice.say(`<speak>अ${'<break time="10s"/>'.repeat(361)}</speak>`), { name: "SsmphonyError" });
  });

  test("a damaged graph is refused", async () => {
    const read = async (file) => {
      const data = new Uint8Array(readFileSync(join(cases.voice, file)));
      if (file.endsWith(".onnx")) data[1000] ^= 1;
      return data;
    };
    await assert.rejects(Voice.load(read, frontend), /its checksum is wrong/);
  });
});
