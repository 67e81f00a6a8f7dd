/**
 * xoshiro128**: a small, fast generator of 32-bit numbers with a period of 2^128 - 1, so that a seed gives the same
 * resamples on every machine. Not for secrets.
 * @see Blackman & Vigna 2021, Scrambled Linear Pseudorandom Number Generators, https://prng.di.unimi.it
 */
export type Random = () => number;

/**
 * @param seed any integer; its low 32 bits count
 * @returns a function whose each call gives the next integer in 0 .. 2^32 - 1
 */
export function createRandom(seed: number): Random {
  const next = splitMix32(seed);
  let [a, b, c, d] = [next(), next(), next(), next()];
  return () => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return scrambled;
  };
}

/** An integer in 0 .. n - 1. For n below 2^20 no value is favoured by more than one part in 4,000. */
export function randomBelow(random: Random, n: number): number {
  return Math.floor((random() / 2 ** 32) * n);
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** Spreads a seed over the state, so that neighbouring seeds give unrelated streams (Steele et al. 2014; 32-bit finalizer of MurmurHash3). */
function splitMix32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
