import { InternalError } from "@gitune/core";
import type { DType } from "../ir/dtype.js";
import type { WeightSource } from "../ir/node.js";
import { formatShape, type Shape, sameShape } from "../ir/shape.js";
import type { LlamaConfig } from "../models/llama/config.js";
import { llamaLinears } from "../models/llama/tensors.js";
import { cast } from "../ops/elementwise.js";
import { weight } from "../ops/leaf.js";
import type { FrozenTensors, Tuner } from "../tuners/tuner.js";
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
}

/** The base's tensors as f32 nodes that point into its files. */
export function frozenTensors({ weights }: BaseSpec): FrozenTensors {
  return (graph, name, shape) => {
    const entry = entryOf(weights, name);
    if (!sameShape(entry.shape, shape)) {
      throw new InternalError(`${name} is ${formatShape(entry.shape)}, the model needs ${formatShape(shape)}`);
    }
    return cast(weight(graph, name, shape, entry.dtype, entry), "f32");
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
