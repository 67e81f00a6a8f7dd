import type { Attrs, Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { add, mul, sub } from "./elementwise.js";
import { matMul } from "./matmul.js";
import { concat, reshape, slice } from "./movement.js";
import { again, apply, defineOp } from "./op.js";
import { sumLast } from "./reduce.js";
import { softmax } from "./softmax.js";

/**
 * softmax(scale · q kᵀ + mask) v. Grouped queries are rows of their group: q [B, KV, G·T, hd], so the
 * gradients of k and v sum over the group by the product itself. All of a group share one mask.
 * With p the probabilities and o the output: dS = p · (dO vᵀ − Σ dO·o) (Dao et al. 2022, FlashAttention, App. B.2).
 *
 * With `blocks` n above 1, T = K and nobody looks ahead, so the queries are taken in n blocks, and each block with the keys
 * up to its own end alone: (n + 1) / 2n of the square of scores is computed, and 1 / n of it is in memory at a time.
 */
export const attentionOp = defineOp({
  name: "attention",
  infer: ([q, k, v, mask]: readonly Node[], attrs: Attrs) => {
    checkShape("attention", "q", q!.shape, [null, null, null, null]);
    const [batch, groups, rows, dim] = q!.shape as [number, number, number, number];
    checkShape("attention", "k", k!.shape, [batch, groups, null, dim]);
    const keys = k!.shape[2]!;
    checkShape("attention", "v", v!.shape, [batch, groups, keys, null]);
    checkShape("attention", "mask", mask!.shape, [mask!.shape[0] === 1 ? 1 : batch, null, keys]);
    const queries = mask!.shape[1]!;
    if (rows % queries !== 0)
      throw shapeError("attention", `${rows} rows of q are no multiple of the mask's ${queries}`);
    const blocks = blocksOf(attrs);
    if (blocks > 1 && (queries !== keys || queries % blocks !== 0))
      throw shapeError("attention", `${queries} queries and ${keys} keys are no square of ${blocks} equal blocks`);
    return { shape: [batch, groups, rows, v!.shape[3]!], dtype: "f32" as const };
  },
  expand: ([q, k, v, mask], attrs) => {
    const parts = blocksAlong(mask!, blocksOf(attrs));
    const outputs = parts.map(({ queriesOf, keysOf, mask: own }) =>
      matMul(probabilities(queriesOf(q!), keysOf(k!), own, attrs), keysOf(v!)),
    );
    return joinQueries(outputs, mask!);
  },
  vjp: ({ node, src: [q, k, v, mask], grad, needs }) => {
    const alpha = node.attrs["scale"] as number;
    const spread = sumLast(mul(grad, node));
    const parts = blocksAlong(mask!, blocksOf(node.attrs), again).map(({ queriesOf, keysOf, mask: own }) => {
      const [queries, keys, ahead] = [queriesOf(q!), keysOf(k!), queriesOf(grad)];
      const p = probabilities(queries, keys, own, node.attrs, again);
      const dS = mul(p, sub(matMul(ahead, keysOf(v!), { transB: true }), queriesOf(spread)));
      return [
        needs[0] ? matMul(dS, keys, { alpha }) : null,
        needs[1] ? matMul(dS, queries, { transA: true, alpha }) : null,
        needs[2] ? matMul(p, ahead, { transA: true }) : null,
      ] as const;
    });
    const of = (source: 0 | 1 | 2): Node[] => parts.map((part) => part[source]).filter((part) => part !== null);
    return [
      needs[0] ? joinQueries(of(0), mask!) : null,
      needs[1] ? addKeys(of(1)) : null,
      needs[2] ? addKeys(of(2)) : null,
      null,
    ];
  },
});

const blocksOf = (attrs: Attrs): number => (attrs["blocks"] as number | undefined) ?? 1;

interface QueryBlock {
  /** [B, KV, G·T, d] -> [B, KV, G·T/n, d] */
  readonly queriesOf: (x: Node) => Node;
  /** [B, KV, K, d] -> [B, KV, this block's keys, d] */
  readonly keysOf: (x: Node) => Node;
  readonly mask: Node;
}

/** @param wrap `again` where the parts are not to be kept since the forward pass */
function blocksAlong(mask: Node, blocks: number, wrap = (node: Node) => node): QueryBlock[] {
  const queries = mask.shape[1]!;
  if (blocks === 1) return [{ queriesOf: (x) => x, keysOf: (x) => x, mask }];
  const size = queries / blocks;
  const cut = (x: Node, axis: number, start: number, end: number) =>
    start === 0 && end === x.shape[axis] ? x : wrap(slice(x, axis, start, end));
  return Array.from({ length: blocks }, (_, i) => {
    const [start, end] = [i * size, (i + 1) * size];
    return {
      queriesOf: (x) => {
        const [batch, groups, rows, width] = x.shape as [number, number, number, number];
        const byQuery = reshape(x, [batch, groups, rows / queries, queries, width]);
        return reshape(cut(byQuery, 3, start, end), [batch, groups, rows / blocks, width]);
      },
      keysOf: (x) => cut(x, 2, 0, end),
      // Layers share it, so it is kept.
      mask: slice(slice(mask, 1, start, end), 2, 0, end),
    };
  });
}

/** Blocks of queries one behind the other again, in every group's row. @param parts [B, KV, G·T/n, d] each */
function joinQueries(parts: readonly Node[], mask: Node): Node {
  if (parts.length === 1) return parts[0]!;
  const queries = mask.shape[1]!;
  const size = queries / parts.length;
  const [batch, groups, rows, width] = parts[0]!.shape as [number, number, number, number];
  const shape = [batch, groups, rows / size, size, width];
  const joined = concat(
    parts.map((part) => reshape(part, shape)),
    3,
  );
  return reshape(joined, [batch, groups, rows * parts.length, width]);
}

/** What each block says of the keys up to its end, added up: the later a key, the fewer blocks look at it. */
function addKeys(parts: readonly Node[]): Node {
  const [first, ...rest] = parts as [Node, ...Node[]];
  let sum = first;
  for (const part of rest) {
    const known = sum.shape[2]!;
    sum = concat([add(sum, slice(part, 2, 0, known)), slice(part, 2, known, part.shape[2]!)], 2);
  }
  return sum;
}

function probabilities(q: Node, k: Node, mask: Node, attrs: Attrs, wrap = (node: Node) => node): Node {
  const scores = wrap(matMul(q, k, { transB: true, alpha: attrs["scale"] as number }));
  const [batch, groups, rows, keys] = scores.shape as [number, number, number, number];
  const [lanes, queries] = mask.shape as [number, number];
  const byQuery = reshape(scores, [batch, groups, rows / queries, queries, keys]);
  return reshape(softmax(add(byQuery, reshape(mask, [lanes, 1, 1, queries, keys]))), scores.shape);
}

/**
 * @param q [B, KV, G·T, hd]  @param k,v [B, KV, K, hd]  @param mask [B|1, T, K], 0 or -1e9
 * @param blocks above 1 only where T = K, a multiple of it, and the mask lets nobody look ahead
 * @returns [B, KV, G·T, hd]
 */
export function attention(q: Node, k: Node, v: Node, mask: Node, scale: number, blocks = 1): Node {
  return apply(attentionOp, [q, k, v, mask], blocks === 1 ? { scale } : { scale, blocks });
}
