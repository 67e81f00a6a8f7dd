/** Values that come from outside the graph. */
import type { DType } from "../ir/dtype.js";
import type { Attrs, ConstantData, Graph, Node, WeightSource } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";
import { defineOp } from "./op.js";

const inferLeaf = (_src: readonly Node[], attrs: Attrs) => ({
  shape: attrs["shape"] as Shape,
  dtype: attrs["dtype"] as DType,
});

/** Fed at every run. */
export const inputOp = defineOp({ name: "input", sizes: ["shape"], infer: inferLeaf, vjp: null });
/** A tensor of the checkpoint, mapped from its file. */
export const weightOp = defineOp({ name: "weight", infer: inferLeaf, vjp: null });
/** A literal inside the graph. */
export const constantOp = defineOp({ name: "constant", infer: inferLeaf, vjp: null });

/** A value that each run feeds under `name`. */
export function input(graph: Graph, name: string, shape: Shape, dtype: DType = "f32"): Node {
  return graph.input(inputOp, name, shape, dtype);
}

export function weight(graph: Graph, name: string, shape: Shape, dtype: DType, source: WeightSource): Node {
  return graph.weight(weightOp, name, shape, dtype, source);
}

/** A literal tensor. Give `key` for long data: it must name the content. */
export function constant(graph: Graph, data: ConstantData, shape: Shape, key?: string): Node {
  return graph.constant(constantOp, data, shape, key);
}

/** An f32 scalar. */
export function scalar(graph: Graph, value: number): Node {
  return constant(graph, Float32Array.of(value), []);
}
