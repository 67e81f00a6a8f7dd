import type { Node } from "../ir/node.js";
import { maximum, minimum, mul, sub } from "../ops/elementwise.js";
import { scalar } from "../ops/leaf.js";
import { reshape } from "../ops/movement.js";

/** Far below any score, and still finite: -inf minus -inf would be NaN in a row without keys. */
export const MASKED = -1e9;

/**
 * Who may look where, in lanes that hold several rows one behind the other: a query sees the keys of its own row up to
 * itself, and no more of them than its window. Places are counted in f32, exact up to 2^24.
 * @param index [T]: 0, 1, 2 …   @param rowStarts [B, T]: where the row of each place begins
 * @param window how many keys a query sees, its own included; null: all
 * @returns [B, T, T]: 0 where query t may look at key s, -1e9 where not
 */
export function rowMask(index: Node, rowStarts: Node, window: number | null): Node {
  const [batch, length] = rowStarts.shape as [number, number];
  const query = reshape(index, [1, length, 1]);
  const key = reshape(index, [1, 1, length]);
  const start = reshape(rowStarts, [batch, length, 1]);
  const first = window === null ? start : maximum(start, sub(query, scalar(index.graph, window - 1)));
  // Whole steps past either end; none inside.
  return masked(maximum(sub(key, query), sub(first, key)));
}

/**
 * Closes what a window has left behind, over a cache in which a key's place is its position.
 * @param positions [B, 1]: of the one query of each sequence   @param index [K]: 0, 1, 2 …   @param window as for rowMask
 * @returns [B, 1, 1, K]
 */
export function windowMask(positions: Node, index: Node, window: number): Node {
  const [batch, keys] = [positions.shape[0]!, index.shape[0]!];
  const back = sub(reshape(positions, [batch, 1, 1, 1]), reshape(index, [1, 1, 1, keys]));
  return masked(sub(back, scalar(index.graph, window - 1)));
}

/** -1e9 from one step outside on, 0 inside. @param outside whole steps */
function masked(outside: Node): Node {
  const { graph } = outside;
  return mul(minimum(maximum(outside, scalar(graph, 0)), scalar(graph, 1)), scalar(graph, MASKED));
}
