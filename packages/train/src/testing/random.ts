/** Small deterministic numbers for tests. */

/** Mulberry32: a 32-bit generator, good enough to fill tensors. @returns numbers in [0, 1) */
export function randomFrom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const char of seed) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Values in [from, to), exactly representable in f32. */
export function uniform(seed: string, size: number, from = -2, to = 2): Float32Array {
  const random = randomFrom(seed);
  return Float32Array.from({ length: size }, () => from + (to - from) * random());
}
