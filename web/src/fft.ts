/** Inverse FFT of real signals, for any even length; quick where its half is a product of small primes. */

/** One pass of a mixed-radix FFT (Stockham's order: no reversal of digits). */
interface Pass {
  radix: number;
  before: number; // product of the radices of earlier passes
}

export class RealInverseFft {
  readonly #size: number;
  readonly #half: number;
  readonly #passes: Pass[];
  readonly #cos: Float64Array; // of all multiples of 2π / size
  readonly #sin: Float64Array;
  #from: [Float64Array, Float64Array];
  #to: [Float64Array, Float64Array];

  constructor(size: number) {
    if (size < 2 || size % 2) throw new RangeError(`an FFT of ${size} samples: the length must be even`);
    this.#size = size;
    this.#half = size / 2;
    this.#cos = Float64Array.from({ length: size }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: size }, (_, k) => Math.sin((2 * Math.PI * k) / size));
    this.#passes = passes(this.#half);
    this.#from = [new Float64Array(this.#half), new Float64Array(this.#half)];
    this.#to = [new Float64Array(this.#half), new Float64Array(this.#half)];
  }

  /** A spectrum of `size / 2 + 1` bins → `size` samples. */
  run(real: Float32Array, imaginary: Float32Array): Float32Array {
    this.#fold(real, imaginary);
    for (const pass of this.#passes) this.#run(pass);
    const [x, y] = this.#from; // even and odd samples are real and imaginary part of half the length
    const samples = new Float32Array(this.#size);
    for (let n = 0; n < this.#half; n++) {
      samples[2 * n] = x[n] / this.#half;
      samples[2 * n + 1] = y[n] / this.#half;
    }
    return samples;
  }

  /** The spectrum of the even samples plus i times that of the odd ones. */
  #fold(real: Float32Array, imaginary: Float32Array): void {
    const half = this.#half;
    const [x, y] = this.#from;
    for (let k = 0; k < half; k++) {
      const mirror = half - k;
      const ak = k ? imaginary[k] : 0; // the edges of a real signal's spectrum are real
      const am = k ? imaginary[mirror] : 0;
      const evenReal = (real[k] + real[mirror]) / 2;
      const evenImaginary = (ak - am) / 2;
      const differenceReal = (real[k] - real[mirror]) / 2;
      const differenceImaginary = (ak + am) / 2;
      const oddReal = differenceReal * this.#cos[k] - differenceImaginary * this.#sin[k];
      const oddImaginary = differenceReal * this.#sin[k] + differenceImaginary * this.#cos[k];
      x[k] = evenReal - oddImaginary;
      y[k] = evenImaginary + oddReal;
    }
  }

  #run({ radix, before }: Pass): void {
    const half = this.#half;
    const [x, y] = this.#from;
    const [u, v] = this.#to;
    const after = half / (before * radix);
    const turn = this.#size / radix; // one step of the small transform, in multiples of 2π / size
    for (let i = 0; i < before; i++) {
      const twiddle = i * after * 2;
      for (let j = 0; j < after; j++) {
        for (let q = 0; q < radix; q++) {
          let sumReal = 0;
          let sumImaginary = 0;
          for (let r = 0; r < radix; r++) {
            const place = i * after * radix + r * after + j;
            const angle = (r * (twiddle + q * turn)) % this.#size;
            sumReal += x[place] * this.#cos[angle] - y[place] * this.#sin[angle];
            sumImaginary += x[place] * this.#sin[angle] + y[place] * this.#cos[angle];
          }
          const place = (q * before + i) * after + j;
          u[place] = sumReal;
          v[place] = sumImaginary;
        }
      }
    }
    [this.#from, this.#to] = [this.#to, this.#from];
  }
}

function passes(length: number): Pass[] {
  const found: Pass[] = [];
  let before = 1;
  for (const radix of radices(length)) {
    found.push({ radix, before });
    before *= radix;
  }
  return found;
}

/** Fours first, which are the quickest, then primes. */
function radices(length: number): number[] {
  if (length % 4 === 0) return [4, ...radices(length / 4)];
  for (let prime = 2; prime <= length; prime++) {
    if (length % prime === 0) return [prime, ...radices(length / prime)];
  }
  return [];
}
