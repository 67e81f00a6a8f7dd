import type { Node } from "../ir/node.js";
import { checkShape, markDim, shapeError } from "../ir/shape.js";
import { neg } from "./elementwise.js";
import { apply, defineOp } from "./op.js";

/**
 * Rotary position embedding, half-split layout as in Llama: Su et al. 2021, https://arxiv.org/abs/2104.09864 §3.
 * Turning back is turning by the negative angle, so the gradient is the same op with -sin.
 */
export const ropeOp = defineOp({
  name: "rope",
  infer: ([x, positions, cos, sin]: readonly Node[]) => {
    checkShape("rope", "x", x!.shape, [null, null, null, null]);
    const [batch, , length, dim] = x!.shape as [number, number, number, number];
    if (dim % 2 !== 0) throw shapeError("rope", `x ${markDim(x!.shape, -1)} has no pairs: the last axis must be even`);
    if (positions!.dtype !== "i64") throw shapeError("rope", `positions needs i64, got ${positions!.dtype}`);
    checkShape("rope", "positions", positions!.shape, [batch, length]);
    checkShape("rope", "cos", cos!.shape, [null, dim / 2]);
    checkShape("rope", "sin", sin!.shape, cos!.shape);
    return { shape: x!.shape, dtype: x!.dtype };
  },
  vjp: ({ src: [, positions, cos, sin], grad }) => [rope(grad, positions!, cos!, neg(sin!)), null, null, null],
});

/** @param x [B, H, T, hd]   @param positions [B, T] i64, rows of the tables   @param cos, sin [P, hd/2] */
export function rope(x: Node, positions: Node, cos: Node, sin: Node): Node {
  return apply(ropeOp, [x, positions, cos, sin]);
}
