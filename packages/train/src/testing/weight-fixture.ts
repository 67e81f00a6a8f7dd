import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DType } from "../ir/dtype.js";
import type { Graph, Node } from "../ir/node.js";
import { weight } from "../ops/leaf.js";
import { readSafetensorsHeader, type TensorData, type TensorEntry, writeSafetensors } from "../weights/safetensors.js";
import { uniform } from "./random.js";

/** Weights in a real safetensors file, in a temporary folder. */
export interface WeightFixture {
  readonly folder: string;
  readonly file: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The tensor as a node of the graph, in its stored type. */
  weight(graph: Graph, name: string): Node;
  remove(): Promise<void>;
}

const DTYPE: { readonly [name: string]: DType } = { F32: "f32", BF16: "bf16", F16: "f16", I8: "i8" };

export async function writeWeightFixture(tensors: readonly TensorData[] = OP_WEIGHTS): Promise<WeightFixture> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-weights-"));
  const file = join(folder, "model.safetensors");
  await writeSafetensors(file, tensors);
  const entries = (await readSafetensorsHeader(file)).tensors;
  return {
    folder,
    file,
    tensors: entries,
    weight: (graph, name) => {
      const entry = entries.get(name);
      const dtype = entry && DTYPE[entry.dtype];
      if (!entry || !dtype) throw new RangeError(`no weight ${name}`);
      return weight(graph, name, entry.shape, dtype, entry);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function int8Values(seed: string, count: number): Float32Array {
  return uniform(seed, count, -127, 127).map(Math.round);
}

/** What the op cases read. f32 comes first in the file, so the bf16 tensors lie at an offset. */
export const OP_WEIGHTS: readonly TensorData[] = [
  { name: "plain", shape: [3, 4], data: uniform("plain", 12) },
  { name: "half", shape: [3, 4], data: uniform("half", 12), dtype: "BF16" },
  { name: "half.vector", shape: [5], data: Float32Array.of(0, -0.5, 65504, 1e-30, -3.140625), dtype: "BF16" },
  { name: "int8", shape: [5, 3], data: int8Values("int8", 15), dtype: "I8" },
  { name: "int8.back", shape: [3, 5], data: int8Values("int8.back", 15), dtype: "I8" },
];
