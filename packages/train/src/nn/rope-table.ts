import type { Graph, Node } from "../ir/node.js";
import { input } from "../ops/leaf.js";

/** Cosines and sines as a graph takes them: [angles, headDim / 2], a row a position. */
export interface RopeTable {
  readonly cos: Node;
  readonly sin: Node;
}

/** The inputs `rope.cos` and `rope.sin`; what is fed is `ropeAngles`. */
export function ropeTable(graph: Graph, headDim: number): RopeTable {
  const table = (name: string) => input(graph, `rope.${name}`, [graph.symbol("angles"), headDim / 2]);
  return { cos: table("cos"), sin: table("sin") };
}

/** The values of a table, row-major. */
export interface RopeAngles {
  readonly positions: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Angles position / theta^(2i/headDim) for positions 0..positions-1 (Su et al. 2021 §3.4.2). */
export function ropeAngles(positions: number, headDim: number, theta: number): RopeAngles {
  const half = headDim / 2;
  const angles = Float64Array.from(
    { length: positions * half },
    (_, i) => Math.floor(i / half) / theta ** ((2 * (i % half)) / headDim),
  );
  return { positions, cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
}
