import { InternalError } from "@gitune/core";
import type { DType } from "../ir/dtype.js";
import type { Graph, WeightSource } from "../ir/node.js";
import { formatShape, type Shape, sameShape } from "../ir/shape.js";
import type { LlamaConfig } from "../models/llama/config.js";
import { llamaLinears } from "../models/llama/tensors.js";
import { rotationMatrix } from "../nn/hadamard.js";
import { f32Product } from "../nn/params.js";
import { cast } from "../ops/elementwise.js";
import { int8Linear, int8Product } from "../ops/int8.js";
import { constant, weight } from "../ops/leaf.js";
import type { FrozenWeights, Tuner } from "../tuners/tuner.js";
import type { Int8Entry, Int8Weights } from "../weights/int8-copy.js";
import { readWeight } from "../weights/read-weight.js";

/** One tensor of a checkpoint: where, which type, which shape. */
export interface WeightEntry extends WeightSource {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** All that the engine's thread needs to know of a base; plain data, so that it can be sent there. */
export interface BaseSpec {
  readonly config: LlamaConfig;
  /** By checkpoint name; null for a base without weights, which only full training from scratch can use. */
  readonly weights: Readonly<Record<string, WeightEntry>> | null;
  /** Its linear layers and its head in 8 bits, for `compute: int8`. */
  readonly int8?: Int8Weights;
}

/** The base's tensors as f32 nodes that point into its files; its linear layers in 8 bits where the base has them so. */
export function frozenWeights(graph: Graph, { weights, int8 }: BaseSpec): FrozenWeights {
  const tensor: FrozenWeights["tensor"] = (name, shape) => {
    const entry = entryOf(weights, name);
    if (!sameShape(entry.shape, shape)) {
      throw new InternalError(`${name} is ${formatShape(entry.shape)}, the model needs ${formatShape(shape)}`);
    }
    return cast(weight(graph, name, shape, entry.dtype, entry), "f32");
  };
  const product = f32Product(tensor);
  return { tensor, product: int8 ? productIn8Bits(graph, int8, product) : product };
}

function productIn8Bits(graph: Graph, weights: Int8Weights, f32: FrozenWeights["product"]): FrozenWeights["product"] {
  return (module, x, dOut) => {
    const entry = weights[module];
    if (!entry) return f32(module, x, dOut);
    const dIn = x.shape[1]!;
    const half = (name: string, { values, columns }: Int8Entry, [k, m]: readonly [number, number]) => ({
      values: weight(graph, `${module}.${name}`, [k, m], "i8", values),
      columns: weight(graph, `${module}.${name}.scale`, [m], "f32", columns),
    });
    const forward = half("forward", entry.forward, [dIn, dOut]);
    const { block } = entry;
    const rotation = constant(graph, rotationMatrix(block), [block, block], `rotation:${block}`);
    if (!entry.backward) return int8Product(x, { forward, rotation });
    return int8Linear(x, { forward, backward: half("backward", entry.backward, [dOut, dIn]), rotation });
  };
}

/** A tensor's values in f32. */
export function readFrozen({ weights }: BaseSpec, name: string): Float32Array {
  const entry = entryOf(weights, name);
  return readWeight(entry, entry.dtype);
}

function entryOf(weights: BaseSpec["weights"], name: string): WeightEntry {
  const entry = weights?.[name];
  if (!entry) throw new InternalError(`the base has no tensor ${name}`);
  return entry;
}

/** Sizes that no symbol of a graph may divide: the model's own, and the flat vector's. */
export function closedSizes(config: LlamaConfig, tuner: Pick<Tuner, "size" | "tensors"> | null): number[] {
  const linears = llamaLinears(config).flatMap(({ dIn, dOut }) => [dIn, dOut]);
  const trained = tuner ? [tuner.size, ...tuner.tensors.flatMap(({ shape }) => shape)] : [];
  return [config.vocabSize, config.hiddenSize, config.headDim, ...linears, ...trained].filter((size) => size > 0);
}
