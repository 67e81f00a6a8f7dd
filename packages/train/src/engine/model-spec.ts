import type { Technique } from "@gitune/core";
import type { Graph } from "../ir/node.js";
import type { Params } from "../nn/params.js";
import { constant } from "../ops/leaf.js";
import type { Tuner } from "../tuners/tuner.js";
import { type BaseSpec, frozenWeights } from "./base-spec.js";

/** A model to run, not to train. */
export interface ModelSpec {
  readonly base: BaseSpec;
  /** An adapter's technique and flat vector; null runs the bare base. */
  readonly adapter: { readonly technique: Technique; readonly theta: Float32Array } | null;
}

/**
 * The parameters of a base, or of a base under an adapter. The adapter is a literal of the graph, as the base's weights
 * are: a product with packed literals alone rounds a row the same whatever other rows there are.
 */
export function inferenceParams(graph: Graph, { base, adapter }: ModelSpec, tuner: Tuner | null): Params {
  const frozen = frozenWeights(graph, base);
  if (!tuner || !adapter) return { ...frozen, update: () => null };
  return tuner.params(frozen, { theta: constant(graph, adapter.theta, [tuner.size], "theta"), dropout: null });
}
