import { dequantizeQ2K, dequantizeQ3K, dequantizeQ4K, dequantizeQ5K, dequantizeQ6K } from "./dequantize-k.js";
import {
  dequantizeIq4Nl,
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
} from "./dequantize-simple.js";
import { readBf16, readF16, readF32 } from "./plain-floats.js";

/**
 * Turns whole blocks into f32 values.
 * @param bytes starts with the first block
 * @param blocks how many
 * @param out gets blocks times the type's `blockElements` values
 */
export type Dequantize = (bytes: Uint8Array, blocks: number, out: Float32Array) => void;

/** How ggml stores a tensor's rows. */
export interface GgmlTypeTraits {
  /** Number in a file (`enum ggml_type`). */
  readonly id: number;
  readonly blockElements: number;
  readonly blockBytes: number;
  readonly dequantize: Dequantize;
}

/** The types that are read. Sizes from ggml's `ggml-common.h`; values equal those of the Python package `gguf`, bit by bit. */
export const GGML_TYPES = {
  F32: { id: 0, blockElements: 1, blockBytes: 4, dequantize: readF32 },
  F16: { id: 1, blockElements: 1, blockBytes: 2, dequantize: readF16 },
  BF16: { id: 30, blockElements: 1, blockBytes: 2, dequantize: readBf16 },
  Q4_0: { id: 2, blockElements: 32, blockBytes: 18, dequantize: dequantizeQ4_0 },
  Q4_1: { id: 3, blockElements: 32, blockBytes: 20, dequantize: dequantizeQ4_1 },
  Q5_0: { id: 6, blockElements: 32, blockBytes: 22, dequantize: dequantizeQ5_0 },
  Q5_1: { id: 7, blockElements: 32, blockBytes: 24, dequantize: dequantizeQ5_1 },
  Q8_0: { id: 8, blockElements: 32, blockBytes: 34, dequantize: dequantizeQ8_0 },
  Q2_K: { id: 10, blockElements: 256, blockBytes: 84, dequantize: dequantizeQ2K },
  Q3_K: { id: 11, blockElements: 256, blockBytes: 110, dequantize: dequantizeQ3K },
  Q4_K: { id: 12, blockElements: 256, blockBytes: 144, dequantize: dequantizeQ4K },
  Q5_K: { id: 13, blockElements: 256, blockBytes: 176, dequantize: dequantizeQ5K },
  Q6_K: { id: 14, blockElements: 256, blockBytes: 210, dequantize: dequantizeQ6K },
  IQ4_NL: { id: 20, blockElements: 32, blockBytes: 18, dequantize: dequantizeIq4Nl },
} as const satisfies Readonly<Record<string, GgmlTypeTraits>>;

/** A key of `GGML_TYPES`. */
export type GgmlType = keyof typeof GGML_TYPES;

/** Types that files have and we do not read, so that messages can call them by name. */
const UNREAD: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

const NAMES = new Map<number, string>(Object.entries(GGML_TYPES).map(([name, { id }]) => [id, name]));

/** What a type's number is called; `type 99` where nobody knows it. */
export function typeName(id: number): string {
  return NAMES.get(id) ?? UNREAD[id] ?? `type ${id}`;
}

/** Narrows a name to a type that is read. */
export function isGgmlType(name: string): name is GgmlType {
  return Object.hasOwn(GGML_TYPES, name);
}
