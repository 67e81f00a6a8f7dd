/**
 * Random numbers that are the same on every machine and in every version: PCG-XSH-RR 64/32 for the stream, SplitMix64
 * to spread seeds.
 * @see O'Neill 2014, PCG, https://www.pcg-random.org/paper.html §6.3.1; Steele et al. 2014, SplitMix
 */
const MASK_64 = (1n << 64n) - 1n;
const PCG_MULTIPLIER = 6364136223846793005n;
/** PCG's default stream. */
const PCG_INCREMENT = 1442695040888963407n;

/** A stream of 32-bit numbers. */
export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, bound), without bias; bound in [1, 2^32]. */
  below(bound: number): number;
}

/** A stream that is a pure function of the parts: e.g. (seed, epoch). Each part is a non-negative integer below 2^53. */
export function createRandom(...parts: readonly number[]): Random {
  let state = mix(...parts);
  const uint32 = (): number => {
    const old = state;
    state = (old * PCG_MULTIPLIER + PCG_INCREMENT) & MASK_64;
    const shifted = Number((((old >> 18n) ^ old) >> 27n) & 0xffffffffn);
    const turn = Number(old >> 59n);
    return ((shifted >>> turn) | (shifted << (-turn & 31))) >>> 0;
  };
  return {
    uint32,
    below: (bound) => {
      // Numbers past the last whole multiple of bound would favour small results.
      const limit = 2 ** 32 - (2 ** 32 % bound);
      let number = uint32();
      while (number >= limit) number = uint32();
      return number % bound;
    },
  };
}

/** A 31-bit seed that is a pure function of the parts; neighbours get unrelated seeds. */
export function deriveSeed(...parts: readonly number[]): number {
  return Number(mix(...parts) >> 33n);
}

/**
 * Avalanches 32 bits: each bit of the result depends on all of the input.
 * @see Appleby, MurmurHash3's finalizer, https://github.com/aappleby/smhasher/wiki/MurmurHash3
 */
export function mix32(bits: number): number {
  let h = bits;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The numbers 0 … count - 1 in random order (Fisher-Yates). */
export function shuffledIndices(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}

function mix(...parts: readonly number[]): bigint {
  let hash = 0n;
  for (const part of parts) {
    hash = (hash + BigInt(part) + 0x9e3779b97f4a7c15n) & MASK_64;
    hash = ((hash ^ (hash >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
    hash = ((hash ^ (hash >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
    hash ^= hash >> 31n;
  }
  return hash;
}
