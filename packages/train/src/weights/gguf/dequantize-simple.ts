/**
 * ggml's blocks of 32 values: a half-precision scale d, some with a minimum m, and 4, 5 or 8 bits a value. Low halves of the
 * bytes are the first 16 values, high halves the others. In f32 arithmetic, each step rounded, as the reference has it.
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_q4_0` and its neighbours)
 */
import type { Dequantize } from "./ggml-types.js";
import { halfTable } from "./plain-floats.js";

const { fround } = Math;

/** d, 16 bytes of q: d·(q - 8). */
export const dequantizeQ4_0: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 18, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[to + i] = d * ((q & 15) - 8);
      out[to + 16 + i] = d * ((q >> 4) - 8);
    }
  }
};

/** d, m, 16 bytes of q: d·q + m. */
export const dequantizeQ4_1: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 20, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 4 + i]!;
      out[to + i] = fround(d * (q & 15)) + m;
      out[to + 16 + i] = fround(d * (q >> 4)) + m;
    }
  }
};

/** d, 32 fifth bits, 16 bytes of q: d·(q - 16). */
export const dequantizeQ5_0: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 22, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const high = bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 6 + i]!;
      out[to + i] = d * (((q & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[to + 16 + i] = d * (((q >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16);
    }
  }
};

/** d, m, 32 fifth bits, 16 bytes of q: d·q + m. */
export const dequantizeQ5_1: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 24, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 8 + i]!;
      out[to + i] = fround(d * ((q & 15) | (((high >>> i) & 1) << 4))) + m;
      out[to + 16 + i] = fround(d * ((q >> 4) | (((high >>> (i + 16)) & 1) << 4))) + m;
    }
  }
};

/** d, 32 signed bytes: d·q. */
export const dequantizeQ8_0: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 34, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 32; i++) out[to + i] = d * ((bytes[at + 2 + i]! << 24) >> 24);
  }
};

/** The levels that four bits choose from (ggml-common.h, `kvalues_iq4nl`). */
const IQ4_LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** d, 16 bytes of indices: d·level. */
export const dequantizeIq4Nl: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let block = 0, at = 0, to = 0; block < blocks; block++, at += 18, to += 32) {
    const d = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[to + i] = d * IQ4_LEVELS[q & 15]!;
      out[to + 16 + i] = d * IQ4_LEVELS[q >> 4]!;
    }
  }
};
