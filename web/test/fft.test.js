import assert from "node:assert/strict";
import { test } from "node:test";

import { RealInverseFft } from "../dist/fft.js";

/** The definition. */
function inverse(real, imaginary, size) {
  return Float64Array.from({ length: size }, (_, n) => {
    let sum = real[0] + (n % 2 ? -1 : 1) * real[size / 2];
    for (let k = 1; k < size / 2; k++) {
      const angle = (2 * Math.PI * k * n) / size;
      sum += 2 * (real[k] * Math.cos(angle) - imaginary[k] * Math.sin(angle));
    }
    return sum / size;
  });
}

for (const size of [2, 8, 14, 1024, 1200]) {
  test(`the inverse FFT of ${size} samples is that of the definition`, () => {
    const bins = size / 2 + 1;
    const real = Float32Array.from({ length: bins }, (_, k) => Math.sin(3 * k + 1));
    const imaginary = Float32Array.from({ length: bins }, (_, k) => Math.cos(5 * k)); // also where it must not count
    const expected = inverse(real, imaginary, size);
    const found = new RealInverseFft(size).run(real, imaginary);
    assert.ok(found.every((value, n) => Math.abs(value - expected[n]) < 1e-6));
  });
}

test("an odd length is refused", () => {
  assert.throws(() => new RealInverseFft(7), /must be even/);
});
