import type { Attrs, Node } from "../ir/node.js";
import { broadcastShapes, markDim, shapeError } from "../ir/shape.js";
import { apply, defineOp } from "./op.js";
import { sumTo } from "./reduce.js";

export interface MatMulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Multiplies the product. */
  readonly alpha?: number;
}

/**
 * alpha * op(a) op(b) over the last two axes; the others broadcast.
 * @param a [..., m, k], or [..., k, m] with transA   @param b [..., k, n], or [..., n, k] with transB
 * @returns [..., m, n] f32
 */
export const matMulOp = defineOp({
  name: "matMul",
  infer: ([a, b]: readonly Node[], attrs: Attrs) => {
    if (a!.shape.length < 2 || b!.shape.length < 2) throw shapeError("matMul", "operands need two axes at least");
    if (a!.dtype !== "f32" || b!.dtype !== "f32")
      throw shapeError("matMul", `needs f32, got ${a!.dtype} and ${b!.dtype}`);
    const [aRow, aCol] = attrs["transA"] ? [-1, -2] : [-2, -1];
    const [bRow, bCol] = attrs["transB"] ? [-1, -2] : [-2, -1];
    if (a!.shape.at(aCol) !== b!.shape.at(bRow)) {
      throw shapeError("matMul", `inner sizes differ: ${markDim(a!.shape, aCol)} and ${markDim(b!.shape, bRow)}`);
    }
    const batch = broadcastShapes("matMul", a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return { shape: [...batch, a!.shape.at(aRow)!, b!.shape.at(bCol)!], dtype: "f32" as const };
  },
  vjp: ({ node, src: [a, b], grad, needs }) => {
    const [transA, transB, alpha] = [
      node.attrs["transA"] as boolean,
      node.attrs["transB"] as boolean,
      node.attrs["alpha"] as number,
    ];
    const dA = () =>
      transA ? matMul(b!, grad, { transA: transB, transB: true, alpha }) : matMul(grad, b!, { transB: !transB, alpha });
    const dB = () =>
      transB ? matMul(grad, a!, { transA: true, transB: transA, alpha }) : matMul(a!, grad, { transA: !transA, alpha });
    return [needs[0] ? sumTo(dA(), a!.shape) : null, needs[1] ? sumTo(dB(), b!.shape) : null];
  },
});

export function matMul(a: Node, b: Node, { transA = false, transB = false, alpha = 1 }: MatMulOptions = {}): Node {
  return apply(matMulOp, [a, b], { transA, transB, alpha });
}
