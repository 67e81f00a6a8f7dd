import type { Graph, Node } from "../ir/node.js";
import { constant } from "../ops/leaf.js";

export interface RopeTable {
  /** [positions, headDim / 2] */
  readonly cos: Node;
  readonly sin: Node;
}

/** Angles position / theta^(2i/headDim) for positions 0..positions-1 (Su et al. 2021 §3.4.2). */
export function ropeTable(graph: Graph, positions: number, headDim: number, theta: number): RopeTable {
  const half = headDim / 2;
  const angles = Float64Array.from(
    { length: positions * half },
    (_, i) => Math.floor(i / half) / theta ** ((2 * (i % half)) / headDim),
  );
  const table = (name: string, f: (angle: number) => number) =>
    constant(graph, Float32Array.from(angles, f), [positions, half], `rope:${name}:${positions}:${headDim}:${theta}`);
  return { cos: table("cos", Math.cos), sin: table("sin", Math.sin) };
}

/** [batch, length] i64: 0, 1, 2 … in every row */
export function arangePositions(graph: Graph, batch: number, length: number): Node {
  const data = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i % length));
  return constant(graph, data, [batch, length], `arange:${batch}:${length}`);
}

/** [1, 1, groups * length, length]: 0 where a query may look, -1e9 where the key lies in its future. */
export function causalMask(graph: Graph, length: number, groups: number): Node {
  const data = new Float32Array(groups * length * length);
  for (let row = 0; row < groups * length; row++) {
    data.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
  }
  return constant(graph, data, [1, 1, groups * length, length], `causal:${length}:${groups}`);
}

/** Far below any score, and still finite: -inf minus -inf would be NaN in a row without keys. */
export const MASKED = -1e9;
