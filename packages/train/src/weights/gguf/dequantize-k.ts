/**
 * ggml's K-quants: blocks of 256 values in groups of 16 or 32, each group with a scale (and a minimum) of its own that is
 * quantized, too. In f32 arithmetic, each step rounded, as the reference has it.
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_q2_K` and its neighbours)
 */
import type { Dequantize } from "./ggml-types.js";
import { halfTable } from "./plain-floats.js";

const { fround } = Math;

/** scales[16] (4 bits scale, 4 bits minimum), qs[64], d, dmin; groups of 16. */
export const dequantizeQ2K: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 84, to += 256) {
    const d = halves[bytes[at + 80]! | (bytes[at + 81]! << 8)]!;
    const dMin = halves[bytes[at + 82]! | (bytes[at + 83]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      const packed = bytes[at + group]!;
      const scale = fround(d * (packed & 15));
      const minimum = fround(dMin * (packed >> 4));
      // 128 values share 32 bytes: value 32s + l of them is bits 2s, 2s+1 of byte l.
      const from = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      for (let i = 0; i < 16; i++) {
        out[to + group * 16 + i] = fround(scale * ((bytes[from + i]! >> shift) & 3)) - minimum;
      }
    }
  }
};

/** hmask[32] (third bits, inverted), qs[64], scales[12] (16 of 6 bits), d; groups of 16. */
export const dequantizeQ3K: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 110, to += 256) {
    const d = halves[bytes[at + 108]! | (bytes[at + 109]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      const low = (bytes[at + 96 + (group & 7)]! >> ((group >> 3) * 4)) & 15;
      const high = (bytes[at + 104 + (group & 3)]! >> ((group >> 2) * 2)) & 3;
      const scale = fround(d * ((low | (high << 4)) - 32));
      const from = at + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      const mask = at + (group & 1) * 16;
      const bit = group >> 1;
      for (let i = 0; i < 16; i++) {
        const borrow = ((bytes[mask + i]! >> bit) & 1) ^ 1;
        out[to + group * 16 + i] = scale * (((bytes[from + i]! >> shift) & 3) - 4 * borrow);
      }
    }
  }
};

/** d, dmin, scales[12] (8 scales and 8 minimums of 6 bits), qs[128]; groups of 32. */
export const dequantizeQ4K: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 144, to += 256) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dMin = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * sixBitScale(bytes, at + 4, group));
      const minimum = fround(dMin * sixBitMinimum(bytes, at + 4, group));
      const from = at + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        out[to + group * 32 + i] = fround(scale * ((bytes[from + i]! >> shift) & 15)) - minimum;
      }
    }
  }
};

/** d, dmin, scales[12] as Q4_K has them, qh[32] (fifth bits), qs[128]; groups of 32. */
export const dequantizeQ5K: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 176, to += 256) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dMin = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let group = 0; group < 8; group++) {
      const scale = fround(d * sixBitScale(bytes, at + 4, group));
      const minimum = fround(dMin * sixBitMinimum(bytes, at + 4, group));
      const from = at + 48 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[from + i]! >> shift) & 15) | (((bytes[at + 16 + i]! >> group) & 1) << 4);
        out[to + group * 32 + i] = fround(scale * q) - minimum;
      }
    }
  }
};

/** ql[128] (low four bits), qh[64] (high two), scales[16] (signed bytes), d; groups of 16. */
export const dequantizeQ6K: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 210, to += 256) {
    const d = halves[bytes[at + 208]! | (bytes[at + 209]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      const scale = fround(d * ((bytes[at + 192 + group]! << 24) >> 24));
      const half = group >> 3;
      const low = at + half * 64 + (group & 3) * 16;
      const lowShift = ((group >> 2) & 1) * 4;
      const high = at + 128 + half * 32 + (group & 1) * 16;
      const highShift = ((group >> 1) & 3) * 2;
      for (let i = 0; i < 16; i++) {
        const q = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4);
        out[to + group * 16 + i] = scale * (q - 32);
      }
    }
  }
};

/** Scale i of Q4_K and Q5_K: the first four in six low bits, the others put together from two bytes (`get_scale_min_k4`). */
function sixBitScale(bytes: Uint8Array, at: number, i: number): number {
  return i < 4 ? bytes[at + i]! & 63 : (bytes[at + i + 4]! & 15) | ((bytes[at + i - 4]! >> 6) << 4);
}

/** Minimum i of Q4_K and Q5_K. */
function sixBitMinimum(bytes: Uint8Array, at: number, i: number): number {
  return i < 4 ? bytes[at + i + 4]! & 63 : (bytes[at + i + 4]! >> 4) | ((bytes[at + i]! >> 6) << 4);
}
