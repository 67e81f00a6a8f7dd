/**
 * xoshiro128**: a small, fast generator of 32-bit numbers with a period of 2^128 - 1, so that a seed gives the same
 * resamples on every machine. Not for secrets.
 * @see Blackman & Vigna 2021, Scrambled Linear Pseudorandom Number Generators, https://prng.di.unimi.it
 */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    const next = splitMix32(seed);
    [this.#a, this.#b, this.#c, this.#d] = [next(), next(), next(), next()];
  }

  /** Fills `out` with integers in 0 .. n - 1. For n below 2^20 no value is favoured by more than one part in 4,000. */
  fillBelow(out: Uint32Array, n: number): void {
    // Locals: this loop is most of a bootstrap's time, and fields would be written back at each step.
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    const scale = n / 2 ** 32;
    for (let i = 0; i < out.length; i++) {
      const product = Math.imul(b, 5);
      out[i] = (Math.imul((product << 7) | (product >>> 25), 9) >>> 0) * scale;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    [this.#a, this.#b, this.#c, this.#d] = [a, b, c, d];
  }
}

/** @returns a function whose each call gives the next integer in 0 .. 2^32 - 1 */
export function createRandom(seed: number): () => number {
  const generator = new Xoshiro128(seed);
  const one = new Uint32Array(1);
  return () => {
    generator.fillBelow(one, 2 ** 32);
    return one[0] ?? 0;
  };
}

/** Spreads a seed over the state, so that neighbouring seeds give unrelated streams (Steele et al. 2014; 32-bit finalizer of MurmurHash3). */
function splitMix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
