import type { Graph, Node } from "../ir/node.js";
import { input } from "../ops/leaf.js";
import { type RopeConfig, ropeFrequencies } from "./rope-frequencies.js";

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

/** Angles position · frequency for positions 0..positions-1, times the attention factor; in f32, as transformers has them. */
export function ropeAngles(positions: number, headDim: number, rope: RopeConfig): RopeAngles {
  const { inverse, attentionFactor } = ropeFrequencies(headDim, rope);
  const half = inverse.length;
  const angles = Float32Array.from({ length: positions * half }, (_, i) => Math.floor(i / half) * inverse[i % half]!);
  return {
    positions,
    cos: angles.map((angle) => Math.cos(angle) * attentionFactor),
    sin: angles.map((angle) => Math.sin(angle) * attentionFactor),
  };
}
