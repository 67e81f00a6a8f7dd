import type { Attrs, Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { add, mul, sub } from "./elementwise.js";
import { matMul } from "./matmul.js";
import { reshape } from "./movement.js";
import { again, apply, defineOp } from "./op.js";
import { sumLast } from "./reduce.js";
import { softmax } from "./softmax.js";

/**
 * softmax(scale · q kᵀ + mask) v. Grouped queries are rows of their group: q [B, KV, G·T, hd], so the
 * gradients of k and v sum over the group by the product itself. All of a group share one mask.
 * With p the probabilities and o the output: dS = p · (dO vᵀ − Σ dO·o) (Dao et al. 2022, FlashAttention, App. B.2).
 */
export const attentionOp = defineOp({
  name: "attention",
  infer: ([q, k, v, mask]: readonly Node[]) => {
    checkShape("attention", "q", q!.shape, [null, null, null, null]);
    const [batch, groups, rows, dim] = q!.shape as [number, number, number, number];
    checkShape("attention", "k", k!.shape, [batch, groups, null, dim]);
    const keys = k!.shape[2]!;
    checkShape("attention", "v", v!.shape, [batch, groups, keys, null]);
    checkShape("attention", "mask", mask!.shape, [mask!.shape[0] === 1 ? 1 : batch, null, keys]);
    if (rows % mask!.shape[1]! !== 0)
      throw shapeError("attention", `${rows} rows of q are no multiple of the mask's ${mask!.shape[1]}`);
    return { shape: [batch, groups, rows, v!.shape[3]!], dtype: "f32" as const };
  },
  expand: ([q, k, v, mask], attrs) => matMul(probabilities(q!, k!, mask!, attrs), v!),
  vjp: ({ node, src: [q, k, v, mask], grad, needs }) => {
    const alpha = node.attrs["scale"] as number;
    const p = probabilities(q!, k!, mask!, node.attrs, again);
    const dS = mul(p, sub(matMul(grad, v!, { transB: true }), sumLast(mul(grad, node))));
    return [
      needs[0] ? matMul(dS, k!, { alpha }) : null,
      needs[1] ? matMul(dS, q!, { transA: true, alpha }) : null,
      needs[2] ? matMul(p, grad, { transA: true }) : null,
      null,
    ];
  },
});

function probabilities(q: Node, k: Node, mask: Node, attrs: Attrs, wrap = (node: Node) => node): Node {
  const scores = wrap(matMul(q, k, { transB: true, alpha: attrs["scale"] as number }));
  const [batch, groups, rows, keys] = scores.shape as [number, number, number, number];
  const [lanes, queries] = mask.shape as [number, number];
  const byQuery = reshape(scores, [batch, groups, rows / queries, queries, keys]);
  return reshape(softmax(add(byQuery, reshape(mask, [lanes, 1, 1, queries, keys]))), scores.shape);
}

/** @param q [B, KV, G·T, hd]  @param k,v [B, KV, K, hd]  @param mask [B|1, T, K], 0 or -1e9  @returns [B, KV, G·T, hd] */
export function attention(q: Node, k: Node, v: Node, mask: Node, scale: number): Node {
  return apply(attentionOp, [q, k, v, mask], { scale });
}
