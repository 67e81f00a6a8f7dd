import type { Node } from "../ir/node.js";
import { maximum, minimum, mul, sub } from "../ops/elementwise.js";
import { scalar } from "../ops/leaf.js";
import { reshape } from "../ops/movement.js";

/** Far below any score, and still finite: -inf minus -inf would be NaN in a row without keys. */
export const MASKED = -1e9;

/**
 * Who may look where, in lanes that hold several rows one behind the other: a query sees the keys of its own row up to
 * itself. Places are counted in f32, exact up to 2^24.
 * @param index [T]: 0, 1, 2 …   @param rowStarts [B, T]: where the row of each place begins
 * @returns [B, T, T]: 0 where query t may look at key s, -1e9 where not
 */
export function rowMask(index: Node, rowStarts: Node): Node {
  const [batch, length] = rowStarts.shape as [number, number];
  const { graph } = index;
  const query = reshape(index, [1, length, 1]);
  const key = reshape(index, [1, 1, length]);
  const start = reshape(rowStarts, [batch, length, 1]);
  // Whole steps past either end; none inside.
  const outside = maximum(sub(key, query), sub(start, key));
  return mul(minimum(maximum(outside, scalar(graph, 0)), scalar(graph, 1)), scalar(graph, MASKED));
}
