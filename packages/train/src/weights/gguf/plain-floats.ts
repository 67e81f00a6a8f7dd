/** Tensors that hold plain floats, as f32. */
import { f16ToF32 } from "../dtype.js";
import type { Dequantize } from "./ggml-types.js";

let table: Float32Array | undefined;

/** The f32 value of each of the 65,536 halves: a look-up is several times as fast as taking bits apart. */
export function halfTable(): Float32Array {
  table ??= f16ToF32(Uint16Array.from({ length: 65_536 }, (_, bits) => bits));
  return table;
}

/** Copied by bytes, so that even the payload of a NaN stays. */
export const readF32: Dequantize = (bytes, blocks, out) => {
  new Uint8Array(out.buffer, out.byteOffset, blocks * 4).set(bytes.subarray(0, blocks * 4));
};

/** Exact. */
export const readF16: Dequantize = (bytes, blocks, out) => {
  const halves = halfTable();
  for (let i = 0; i < blocks; i++) out[i] = halves[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)]!;
};

/** Exact: the bits are the upper half of a float's. */
export const readBf16: Dequantize = (bytes, blocks, out) => {
  const words = new Uint32Array(out.buffer, out.byteOffset, blocks);
  for (let i = 0; i < blocks; i++) words[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
};
