import type { Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { log, maximum, mul, neg, sub } from "./elementwise.js";
import { gatherRows, pick, scatterAddRows } from "./gather.js";
import { scalar } from "./leaf.js";
import { matMul } from "./matmul.js";
import { reshape } from "./movement.js";
import { apply, defineOp } from "./op.js";
import { sumAll } from "./reduce.js";
import { softmax } from "./softmax.js";

/**
 * The cross-entropy of a language-model head: −Σ w·log softmax(logits)[label], where logits are h Eᵀ, computed elsewhere
 * (in f32, or on 8-bit integers). The gradient is that of the head and the cross-entropy in one, so that no one-hot matrix
 * is built: with P the probabilities, dH = w·(P E − E[label]) and dE = (w·P)ᵀ H − scatter(w·H at label).
 */
export const headLossOp = defineOp({
  name: "headLoss",
  detached: [4],
  infer: ([h, head, labels, weights, logits]: readonly Node[]) => {
    checkShape("headLoss", "h", h!.shape, [null, null]);
    const [rows, d] = h!.shape as [number, number];
    checkShape("headLoss", "head", head!.shape, [null, d]);
    if (labels!.dtype !== "i64") throw shapeError("headLoss", `labels needs i64, got ${labels!.dtype}`);
    checkShape("headLoss", "labels", labels!.shape, [rows]);
    checkShape("headLoss", "weights", weights!.shape, [rows, 1]);
    checkShape("headLoss", "logits", logits!.shape, [rows, head!.shape[0]!]);
    return { shape: [], dtype: "f32" as const };
  },
  expand: ([, , labels, weights, logits]) => {
    // A probability can round to 0 in f32; its logarithm then is that of the smallest normal number.
    const p = maximum(pick(softmax(logits!), labels!), scalar(logits!.graph, 1.2e-38));
    return sumAll(mul(neg(log(p)), weights!));
  },
  vjp: ({ src: [h, head, labels, weights, logits], grad, needs }) => {
    const p = softmax(logits!);
    const w = mul(weights!, reshape(grad, [1, 1]));
    const dHead = () => {
      const weighted = mul(w, h!);
      return sub(matMul(p, weighted, { transA: true }), scatterAddRows(weighted, labels!, head!.shape[0]!));
    };
    return [
      needs[0] ? mul(w, sub(matMul(p, head!), gatherRows(head!, labels!))) : null,
      needs[1] ? dHead() : null,
      null,
      null,
      null,
    ];
  },
});

/**
 * @param h [n, d]  @param head [V, d]  @param labels [n] i64  @param weights [n, 1]  @param logits [n, V]: h headᵀ
 * @returns [] nats
 */
export function headLoss(h: Node, head: Node, labels: Node, weights: Node, logits: Node): Node {
  return apply(headLossOp, [h, head, labels, weights, logits]);
}
