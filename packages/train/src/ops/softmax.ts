import type { Node } from "../ir/node.js";
import { shapeError } from "../ir/shape.js";
import { mul, sub } from "./elementwise.js";
import { apply, defineOp } from "./op.js";
import { sumLast } from "./reduce.js";

/** Over the last axis. dx = p * (dy - sum(dy * p)). */
export const softmaxOp = defineOp({
  name: "softmax",
  infer: ([x]: readonly Node[]) => {
    if (x!.shape.length === 0 || x!.dtype !== "f32") throw shapeError("softmax", "needs f32 with at least one axis");
    return { shape: x!.shape, dtype: x!.dtype };
  },
  vjp: ({ node, grad }) => [mul(node, sub(grad, sumLast(mul(grad, node))))],
});

export const softmax = (x: Node): Node => apply(softmaxOp, [x]);
