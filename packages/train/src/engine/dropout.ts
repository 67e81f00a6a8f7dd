/**
 * Dropout decisions that depend on nothing but a token's seed and a column: not on the lane a row lies in, nor on what
 * lies beside it, so packing and the micro-batch's size change no result.
 * A 32-bit hash (MurmurHash3's finalizer over a counter) decides four columns at once, a byte each.
 */
import { mix32 } from "../data/random.js";

/** 2^32 / golden ratio, odd: the multiples of a counter by it are spread evenly. */
const GOLDEN = 0x9e3779b1;
const BYTES = 4;
const LOW_BITS = 0x7f7f7f7f;
const HIGH_BITS = 0x80808080;
const ONES = 0x01010101;

/** Decides which inputs of a module are kept, for a whole pass. */
export class DropoutMask {
  readonly #seeds: Int32Array;
  /** A byte below this is dropped. */
  readonly #limit: number;
  /** The probability that a byte equal to the limit is dropped, times 2^32: so the rate is met exactly. */
  readonly #tieLimit: number;

  /**
   * @param seeds [tokens]
   * @param rate of dropped values, in [0, 1)
   */
  constructor(seeds: Int32Array, rate: number) {
    this.#seeds = seeds;
    this.#limit = Math.floor(rate * 256);
    this.#tieLimit = (rate * 256 - this.#limit) * 2 ** 32;
  }

  /**
   * @param out [tokens, width]: 1 where a value is kept, else 0
   * @param stream tells modules apart: hashes `stream` and the `dropoutWords(width) - 1` after it are used here alone
   */
  fill(out: Uint8Array, width: number, stream: number): void {
    const words = new Int32Array(dropoutWords(width));
    const bytes = new Uint8Array(words.buffer, 0, width);
    for (let token = 0; token < this.#seeds.length; token++) {
      this.#fillRow(words, this.#seeds[token]!, stream);
      out.set(bytes, token * width);
    }
  }

  /** Compares the four bytes of a word with the limit in one go, each within its own eight bits. */
  #fillRow(words: Int32Array, seed: number, stream: number): void {
    const limit = this.#limit;
    const limits = Math.imul(limit, ONES);
    // byte >= limit: its low seven bits plus this carry into bit 7 ...
    const isLow = limit <= 128;
    const carry = Math.imul((isLow ? 128 : 256) - limit, ONES);
    for (let i = 0; i < words.length; i++) {
      const hash = mix32(Math.imul(stream + i, GOLDEN) ^ seed);
      const carried = (hash & LOW_BITS) + carry;
      // ... or (for a limit past 128: and) its own bit 7 is set.
      let kept = ((isLow ? hash | carried : hash & carried) & HIGH_BITS) >>> 7;
      const difference = hash ^ limits;
      // Non-zero where some byte equals the limit (Mycroft's test for a zero byte): one word in 64.
      if (((difference - ONES) & ~difference & HIGH_BITS) !== 0) kept &= this.#keptTies(hash);
      words[i] = kept;
    }
  }

  /** Zero in the bytes that equal the limit and are dropped for it. */
  #keptTies(hash: number): number {
    let kept = ONES;
    for (let byte = 0; byte < BYTES; byte++) {
      const isTie = ((hash >>> (8 * byte)) & 0xff) === this.#limit;
      if (isTie && mix32(hash + Math.imul(byte + 1, GOLDEN)) >>> 0 < this.#tieLimit) kept &= ~(1 << (8 * byte));
    }
    return kept;
  }
}

/** Hashes that a token's row of `width` decisions takes. */
export const dropoutWords = (width: number): number => Math.ceil(width / BYTES);
