/** One use of an op with small operands: what the tests of every op loop over (`op-cases.ts` is the table). */
import type { Feeds, TensorData } from "../backends/backend.js";
import type { DType } from "../ir/dtype.js";
import { Graph, type Node } from "../ir/node.js";
import { type Shape, sizeOf } from "../ir/shape.js";
import { mul } from "../ops/elementwise.js";
import { input } from "../ops/leaf.js";
import { sumAll } from "../ops/reduce.js";
import { uniform } from "./random.js";
import type { WeightFixture } from "./weight-fixture.js";

export interface CaseInput {
  readonly shape: Shape;
  readonly dtype: DType & ("f32" | "i64" | "u8");
  /** Fixed values; without them, uniform in [from, to). */
  readonly values?: readonly number[];
  readonly from?: number;
  readonly to?: number;
  /** False for an f32 operand that has no gradient by design (a mask, a table of angles, loss weights). */
  readonly hasGradient: boolean;
}

export interface OpCase {
  readonly title: string;
  readonly inputs: Readonly<Record<string, CaseInput>>;
  readonly build: (nodes: Readonly<Record<string, Node>>, graph: Graph, weights: WeightFixture) => Node;
  /** Why central differences do not hold at this point, although the gradient is what we want. */
  readonly skipDifferences?: string;
}

/** Uniform f32 values in [from, to). */
export const f32 = (shape: Shape, from = -2, to = 2): CaseInput => ({
  shape,
  dtype: "f32",
  from,
  to,
  hasGradient: true,
});
/** Given f32 values. */
export const f32Of = (shape: Shape, values: readonly number[]): CaseInput => ({
  shape,
  dtype: "f32",
  values,
  hasGradient: true,
});
export const i64 = (shape: Shape, values: readonly number[]): CaseInput => ({
  shape,
  dtype: "i64",
  values,
  hasGradient: false,
});
export const u8 = (shape: Shape, values: readonly number[]): CaseInput => ({ ...i64(shape, values), dtype: "u8" });
export const frozen = (operand: CaseInput): CaseInput => ({ ...operand, hasGradient: false });

/** Names stay typed inside `build`. */
export function opCase<const I extends Readonly<Record<string, CaseInput>>>(
  title: string,
  inputs: I,
  build: (nodes: { readonly [K in keyof I]: Node }, graph: Graph, weights: WeightFixture) => Node,
  skipDifferences?: string,
): OpCase {
  return {
    title,
    inputs,
    build: build as OpCase["build"],
    ...(skipDifferences === undefined ? {} : { skipDifferences }),
  };
}

export interface PreparedCase {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Node>>;
  readonly feeds: Feeds;
  /** The op's value. */
  readonly value: Node;
  /** Names of the operands that have a gradient. */
  readonly trainable: readonly string[];
}

/** Name of the input that `weightedSum` multiplies with. */
const SEED = "gradient seed";

/** Builds the case's graph in a fresh graph, with its feeds. */
export function prepareCase(op: string, { title, inputs, build }: OpCase, weights: WeightFixture): PreparedCase {
  const graph = new Graph();
  const nodes: Record<string, Node> = {};
  const feeds: Record<string, Feeds[string]> = {};
  for (const [name, operand] of Object.entries(inputs)) {
    nodes[name] = input(graph, name, operand.shape, operand.dtype);
    feeds[name] = { data: caseData(`${op} ${title} ${name}`, operand), shape: operand.shape };
  }
  const value = build(nodes, graph, weights);
  feeds[SEED] = { data: uniform(`${op} ${title} seed`, sizeOf(value.shape), 0.5, 2), shape: value.shape };
  const trainable = Object.keys(inputs).filter((name) => inputs[name]!.hasGradient);
  return { graph, inputs: nodes, feeds, value, trainable };
}

function caseData(seed: string, { shape, dtype, values, from, to }: CaseInput): TensorData {
  if (values && values.length !== sizeOf(shape)) throw new RangeError(`${seed}: ${values.length} values`);
  if (dtype === "i64") return BigInt64Array.from(values ?? [], (value) => BigInt(value));
  if (dtype === "u8") return Uint8Array.from(values ?? []);
  return values ? Float32Array.from(values) : uniform(seed, sizeOf(shape), from, to);
}

/** Σ value · seed: a scalar whose gradient reaches each element of the value with a weight of its own. */
export function weightedSum(value: Node): Node {
  return sumAll(mul(value, input(value.graph, SEED, value.shape)));
}
