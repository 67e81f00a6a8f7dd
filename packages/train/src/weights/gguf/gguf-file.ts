import type { GgmlType } from "./ggml-types.js";

/** Numbers of one width, as the file has them. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** 64-bit integers are numbers where a number holds them. */
export type GgufValue = number | bigint | boolean | string | GgufNumbers | readonly string[];

/** Where a tensor's blocks stand. */
export interface GgufTensor {
  readonly type: GgmlType;
  /** Row-major, as checkpoints have it: the reverse of the file's order. */
  readonly shape: readonly number[];
  /** Of the first byte, from the file's start. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** A checked head of a GGUF file. */
export interface GgufFile {
  /** Where it is. */
  readonly path: string;
  /** How messages call it. */
  readonly shown: string;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}
