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
 * Who may look where, over a cache and the tokens of a pass: a query sees the keys of positions up to its own, and no more
 * of them than its window. A place of the cache that holds no key yet has a position past all others.
 * @param queries [B, T]: positions, f32   @param keys [B, K]: positions   @param window as for rowMask
 * @returns [B, T, K]
 */
export function keyMask(queries: Node, keys: Node, window: number | null): Node {
  const [batch, length] = queries.shape as [number, number];
  const ahead = sub(reshape(keys, [batch, 1, keys.shape[1]!]), reshape(queries, [batch, length, 1]));
  return masked(window === null ? ahead : maximum(ahead, sub(scalar(keys.graph, 1 - window), ahead)));
}

/** -1e9 from one step outside on, 0 inside. @param outside whole steps */
function masked(outside: Node): Node {
  const { graph } = outside;
  return mul(minimum(maximum(outside, scalar(graph, 0)), scalar(graph, 1)), scalar(graph, MASKED));
}
