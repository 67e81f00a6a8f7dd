import { InternalError } from "@gitune/core";

import { type Node, topologicalOrder } from "../../ir/node.js";
import type { Shape } from "../../ir/shape.js";
import type { PrimitiveName } from "../../ops/table.js";
import { bindSymbols, readSizes } from "../../passes/bind-symbols.js";
import { expandComposites } from "../../passes/expand-composites.js";
import { readWeight } from "../../weights/read-weight.js";
import type { Backend, Tensor, TensorData } from "../backend.js";
import { KERNELS, type Value } from "./kernels.js";

/** What `evaluate` is fed: float64 too, so that central differences keep their digits. */
export type ReferenceFeeds = Readonly<
  Record<string, { readonly data: Float32Array | Float64Array | BigInt64Array | Uint8Array; readonly shape: Shape }>
>;

/** Evaluates a graph node by node in float64; symbols take their values from the shapes fed. */
export function evaluate(outputs: readonly Node[], feeds: ReferenceFeeds): Value[] {
  const roots = expandComposites(bindSymbols(outputs, readSizes(outputs, feeds)));
  const values = new Map<Node, Value>();
  for (const node of topologicalOrder(roots))
    values.set(node, { data: compute(node, values, feeds), shape: node.shape });
  return roots.map((node) => values.get(node)!);
}

function compute(node: Node, values: ReadonlyMap<Node, Value>, feeds: ReferenceFeeds): Float64Array {
  const name = String(node.attrs["name"]);
  switch (node.def.name) {
    case "input": {
      const fed = feeds[name];
      if (!fed) throw new InternalError(`input ${name} is not fed`);
      return Float64Array.from(fed.data as ArrayLike<number | bigint>, Number);
    }
    case "constant":
      return Float64Array.from(node.graph.constantData(node)! as ArrayLike<number | bigint>, Number);
    case "weight":
      return Float64Array.from(readWeight(node.graph.weightSource(node)!, node.dtype));
    default:
      return KERNELS[node.def.name as PrimitiveName](
        node,
        node.src.map((source) => values.get(source)!),
      );
  }
}

/** The oracle as a backend, so that tests run one program on both. */
export const referenceBackend: Backend = {
  name: "reference",
  compile: async (outputs) => {
    const [names, nodes] = [Object.keys(outputs), Object.values(outputs)];
    return {
      run: async (feeds, into = {}) => {
        const values = evaluate(nodes, feeds);
        return Object.fromEntries(names.map((name, i) => [name, toTensor(nodes[i]!, values[i]!, into[name]?.data)]));
      },
      close: async () => {},
    };
  },
};

function toTensor(node: Node, { data, shape }: Value, into?: TensorData): Tensor {
  if (node.dtype === "i64") {
    const out = (into as BigInt64Array | undefined) ?? new BigInt64Array(data.length);
    out.set(Array.from(data, BigInt));
    return { data: out, shape };
  }
  const out = (into as Float32Array | undefined) ?? new Float32Array(data.length);
  out.set(data);
  return { data: out, shape };
}
