import assert from "node:assert/strict";
import { test } from "node:test";

import { parseManifest } from "../dist/manifest.js";
import { speakerWeights } from "../dist/speakers.js";
import { completeStyle } from "../dist/types.js";

const KNOWN = ["alpha", "beta", "omega"];

test("speakers are weighed", () => {
  assert.deepEqual([...speakerWeights("alpha:3, omega:1", KNOWN)], [0.75, 0, 0.25]);
  assert.deepEqual([...speakerWeights("beta", KNOWN)], [0, 1, 0]);
  assert.deepEqual([...speakerWeights(null, KNOWN)], [1, 0, 0]);
  assert.deepEqual([...speakerWeights(null, [])], [1]);
});

test("a speaker that cannot be spoken is refused in one line", () => {
  assert.throws(() => speakerWeights("gamma", KNOWN), /unknown speaker 'gamma'; choose one of alpha, beta, omega/);
  for (const mix of ["alpha:0", "alpha:-1", "alpha:", "alpha:x", "alpha:Infinity"]) {
    assert.throws(() => speakerWeights(mix, KNOWN), /is not a weight of the speaker 'alpha'/);
  }
});

test("a style out of range is refused", () => {
  assert.deepEqual(completeStyle({ speed: 2 }), { speed: 2, pitchSemitones: 0, speaker: null });
  for (const style of [{ speed: 0 }, { speed: 5 }, { speed: NaN }, { pitchSemitones: 13 }]) {
    assert.throws(() => completeStyle(style), /out of range: choose/);
  }
});

test("a manifest of another kind is refused in one line", () => {
  const bytes = (value) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  assert.throws(() => parseManifest(bytes("<html>")), /no JSON/);
  assert.throws(() => parseManifest(bytes({ format_version: 1 })), /has format 1/);
  const other = { format_version: 2, name: "lewm", model: { family: "autoregressive" }, codec: { runtime: "samples" } };
  assert.throws(() => parseManifest(bytes(other)), /'lewm' is autoregressive/);
});
