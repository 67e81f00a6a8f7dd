/** Root-mean-square normalisation: Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467. */
import type { Attrs, Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { mul, scale, sub } from "./elementwise.js";
import { apply, defineOp } from "./op.js";
import { sumLast, sumTo } from "./reduce.js";

/** x [..., d] -> [..., 1]: 1 / sqrt(mean(x²) + eps). Only rmsNorm's gradient uses it. */
export const rmsInverseOp = defineOp({
  name: "rmsInverse",
  infer: ([x]: readonly Node[]) => {
    if (x!.shape.length === 0) throw shapeError("rmsInverse", "x needs one axis at least");
    return { shape: [...x!.shape.slice(0, -1), 1], dtype: x!.dtype };
  },
  vjp: null,
});

/**
 * x / rms(x) * w over the last axis.
 * With r = 1/rms and x̂ = x·r: dx = r·(g − x̂·mean(g·x̂)) where g = dy·w, and dw = Σ dy·x̂.
 */
export const rmsNormOp = defineOp({
  name: "rmsNorm",
  infer: ([x, w]: readonly Node[]) => {
    if (x!.shape.length === 0) throw shapeError("rmsNorm", "x needs one axis at least");
    checkShape("rmsNorm", "weight", w!.shape, [x!.shape.at(-1)!]);
    return { shape: x!.shape, dtype: x!.dtype };
  },
  vjp: ({ node, src: [x, w], grad, needs }) => {
    const inverse = rmsInverse(x!, node.attrs["eps"] as number);
    const normal = mul(x!, inverse);
    const g = mul(grad, w!);
    const mean = scale(sumLast(mul(g, normal)), 1 / x!.shape.at(-1)!);
    return [
      needs[0] ? mul(inverse, sub(g, mul(normal, mean))) : null,
      needs[1] ? sumTo(mul(grad, normal), w!.shape) : null,
    ];
  },
});

const rmsInverse = (x: Node, eps: number): Node => apply(rmsInverseOp, [x], { eps });
/** @param x [..., d]   @param w [d]   @returns [..., d] */
export const rmsNorm = (x: Node, w: Node, eps: number): Node => apply(rmsNormOp, [x, w], { eps } satisfies Attrs);
