import type { Technique } from "@gitune/core";
import type { Graph } from "../ir/node.js";
import type { Params } from "../nn/params.js";
import { input } from "../ops/leaf.js";
import type { Tuner } from "../tuners/tuner.js";
import { type BaseSpec, frozenTensors } from "./base-spec.js";

/** A model to run, not to train. */
export interface ModelSpec {
  readonly base: BaseSpec;
  /** An adapter's technique and flat vector; null runs the bare base. */
  readonly adapter: { readonly technique: Technique; readonly theta: Float32Array } | null;
}

/** The parameters of a base, or of a base under an adapter: then the graph has the input `theta`. */
export function inferenceParams(graph: Graph, base: BaseSpec, tuner: Tuner | null): Params {
  const frozen = frozenTensors(base);
  if (tuner) return tuner.params(frozen, { theta: input(graph, "theta", [tuner.size]), dropout: null });
  return { tensor: (name, shape) => frozen(graph, name, shape), update: () => null };
}
