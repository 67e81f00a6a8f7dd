import type { Node } from "../ir/node.js";
import { formatShape, shapeError } from "../ir/shape.js";
import { neg } from "./elementwise.js";
import { apply, defineOp } from "./op.js";

/**
 * Rotary position embedding, half-split layout as in Llama: Su et al. 2021, https://arxiv.org/abs/2104.09864 §3.
 * Turning back is turning by the negative angle, so the gradient is the same op with -sin.
 */
export const ropeOp = defineOp({
  name: "rope",
  infer: ([x, positions, cos, sin]: readonly Node[]) => {
    const [batch, , length, dim] = x!.shape;
    const fits =
      x!.shape.length === 4 &&
      positions!.dtype === "i64" &&
      positions!.shape[0] === batch &&
      positions!.shape[1] === length &&
      cos!.shape[1]! * 2 === dim &&
      sin!.shape[1] === cos!.shape[1];
    if (!fits) {
      throw shapeError(
        "rope",
        `x ${formatShape(x!.shape)}, positions ${formatShape(positions!.shape)}, table ${formatShape(cos!.shape)}`,
      );
    }
    return { shape: x!.shape, dtype: x!.dtype };
  },
  vjp: ({ src: [, positions, cos, sin], grad }) => [rope(grad, positions!, cos!, neg(sin!)), null, null, null],
});

/** @param x [B, H, T, hd]   @param positions [B, T] i64, rows of the tables   @param cos, sin [P, hd/2] */
export function rope(x: Node, positions: Node, cos: Node, sin: Node): Node {
  return apply(ropeOp, [x, positions, cos, sin]);
}
