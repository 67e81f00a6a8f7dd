/**
 * A base's linear layers and its head in 8 bits, made once and kept under the base's hash: a backend maps the file like any
 * checkpoint. Layers are there twice, quantized for either direction, since each product wants a scale for every one of its
 * columns; the head only forward: its gradient sums over the vocabulary, where most probabilities are too small for 8 bits.
 */
import { join } from "node:path";
import { type AtomicOptions, cacheKey, Store, writeFileAtomic } from "@gitune/core";
import type { WeightSource } from "../ir/node.js";
import type { LinearSpec } from "../models/llama/tensors.js";
import { rotateRows, rotationBlock } from "../nn/hadamard.js";
import { INT8_MAX, LEAST_SCALE } from "../ops/int8.js";
import { readSafetensorsHeader, safetensorsHead } from "./safetensors.js";

/** Rises when the same weights would give other bytes. */
const FORMAT_VERSION = 3;

/** One direction of a layer: where its i8 values [k, m] and its f32 scales [m] lie. */
export interface Int8Entry {
  readonly values: WeightSource;
  readonly columns: WeightSource;
}

/** A layer in its directions. */
export interface Int8LayerEntry {
  /** Rotated in blocks of `block` (nn/hadamard.ts). */
  readonly forward: Int8Entry;
  /** Null for the head. */
  readonly backward: Int8Entry | null;
  readonly block: number;
}

/** By module. A layer whose width cannot be rotated is not there, and stays in f32. */
export type Int8Weights = Readonly<Record<string, Int8LayerEntry>>;

export interface Int8CopyOptions extends AtomicOptions {
  readonly linears: readonly Layer[];
  readonly head: Layer;
  /** A tensor's values in f32, by its checkpoint name. */
  readonly read: (name: string) => Float32Array;
  /** Of the base, hex. */
  readonly sha256: string;
  /** Where copies are kept; any part of it may be deleted at any time. */
  readonly cacheDir: string;
}

/** @throws {GituneError} `disk.full` or `disk.write` (exit code 3), and then nothing is kept */
export async function int8Copy(options: Int8CopyOptions): Promise<Int8Weights> {
  const { linears, head, read, sha256, cacheDir, ...atomic } = options;
  const bothWays = linears.map((layer) => ({ ...layer, directions: ["forward", "backward"] as const }));
  const layers = [...bothWays, { ...head, directions: ["forward"] as const }].flatMap((layer): RotatedLayer[] => {
    const block = rotationBlock(layer.dIn);
    return block === null ? [] : [{ ...layer, block }];
  });
  const store = new Store(cacheDir, atomic);
  const key = cacheKey({ kind: "int8", version: FORMAT_VERSION, sha256 });
  const folder =
    (await store.getFolder(key)) ??
    (await store.putFolder(key, (made) => writeFileAtomic(join(made, FILE), encode(layers, read), atomic))).dir;
  const { tensors } = await readSafetensorsHeader(join(folder, FILE));
  const entry = (name: string): Int8Entry => ({ values: tensors.get(name)!, columns: tensors.get(`${name}.scale`)! });
  return Object.fromEntries(
    layers.map(({ module, block, directions }) => {
      const backward = directions.includes("backward") ? entry(`${module}.backward`) : null;
      return [module, { forward: entry(`${module}.forward`), backward, block }];
    }),
  );
}

const FILE = "model.safetensors";

type Direction = "forward" | "backward";
type Layer = Pick<LinearSpec, "module" | "dIn" | "dOut">;
interface RotatedLayer extends Layer {
  readonly block: number;
  readonly directions: readonly Direction[];
}

function* encode(layers: readonly RotatedLayer[], read: Int8CopyOptions["read"]): Generator<Uint8Array> {
  const tensors = layers.flatMap((layer) =>
    layer.directions.flatMap((direction) => {
      const shape = direction === "forward" ? [layer.dIn, layer.dOut] : [layer.dOut, layer.dIn];
      const name = `${layer.module}.${direction}`;
      return [
        { name, shape, dtype: "I8" as const, layer, direction },
        { name: `${name}.scale`, shape: shape.slice(1), dtype: "F32" as const, layer, direction },
      ];
    }),
  );
  const { head, order } = safetensorsHead(tensors);
  yield head;
  for (const { dtype, layer, direction } of order) {
    const weight = read(`${layer.module}.weight`);
    if (direction === "forward") rotateRows(weight, layer.block);
    const scale = columnScales(weight, layer, direction);
    yield bytesOf(dtype === "F32" ? scale : quantize(weight, layer, direction, scale));
  }
}

const bytesOf = (data: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/**
 * Of each column of the product: max |w| / 127 over what is summed.
 * @param weight [out, in]   @returns [out] forward, [in] backward
 */
function columnScales(weight: Float32Array, { dIn, dOut }: Layer, direction: Direction): Float32Array {
  const most = new Float32Array(direction === "forward" ? dOut : dIn);
  for (let o = 0, at = 0; o < dOut; o++) {
    for (let i = 0; i < dIn; i++, at++) {
      const column = direction === "forward" ? o : i;
      const size = Math.abs(weight[at]!);
      if (size > most[column]!) most[column] = size;
    }
  }
  return most.map((value) => Math.max(value / INT8_MAX, LEAST_SCALE));
}

/** @param weight [out, in]   @returns [in, out] forward, [out, in] backward */
function quantize(weight: Float32Array, { dIn, dOut }: Layer, direction: Direction, scale: Float32Array): Int8Array {
  const out = new Int8Array(weight.length);
  for (let o = 0, at = 0; o < dOut; o++) {
    for (let i = 0; i < dIn; i++, at++) {
      if (direction === "forward") out[i * dOut + o] = Math.round(weight[at]! / scale[o]!);
      else out[at] = Math.round(weight[at]! / scale[i]!);
    }
  }
  return out;
}
