/** Ops that fold axes. */
import type { Attrs, Node } from "../ir/node.js";
import { formatShape, type Shape, sameShape, shapeError } from "../ir/shape.js";
import { expand, reshape } from "./movement.js";
import { apply, defineOp } from "./op.js";

/** Sums over `axes`; they stay with size 1, so that the result broadcasts back. */
export const sumOp = defineOp({
  name: "sum",
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const axes = attrs["axes"] as readonly number[];
    if (x!.dtype !== "f32") throw shapeError("sum", `needs f32, got ${x!.dtype}`);
    for (const [i, axis] of axes.entries()) {
      if (x!.shape[axis] === undefined) throw shapeError("sum", `no axis ${axis} in ${formatShape(x!.shape)}`);
      if (axes.indexOf(axis) !== i) throw shapeError("sum", `axis ${axis} is named twice`);
    }
    return { shape: x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)), dtype: x!.dtype };
  },
  vjp: ({ src: [x], grad }) => [expand(grad, x!.shape)],
});

/** The index of the largest value along the last axis, which goes away. The first one wins a tie. */
export const argMaxOp = defineOp({
  name: "argMax",
  infer: ([x]: readonly Node[]) => {
    if (x!.dtype !== "f32") throw shapeError("argMax", `needs f32, got ${x!.dtype}`);
    if (x!.shape.length === 0) throw shapeError("argMax", "needs at least one axis");
    return { shape: x!.shape.slice(0, -1), dtype: "i64" as const };
  },
  vjp: null,
});

export const sum = (x: Node, axes: readonly number[]): Node => (axes.length === 0 ? x : apply(sumOp, [x], { axes }));
/** Over the last axis, which stays with size 1. */
export const sumLast = (x: Node): Node => sum(x, [x.shape.length - 1]);
/** Everything, to a scalar []. */
export const sumAll = (x: Node): Node =>
  reshape(
    sum(
      x,
      x.shape.map((_, i) => i),
    ),
    [],
  );
export const argMax = (x: Node): Node => apply(argMaxOp, [x]);

/** Undoes broadcasting: sums a gradient down to the shape that its operand had. */
export function sumTo(grad: Node, shape: Shape): Node {
  if (sameShape(grad.shape, shape)) return grad;
  const extra = grad.shape.length - shape.length;
  const axes = grad.shape.flatMap((dim, i) => (i < extra || (shape[i - extra] === 1 && dim !== 1) ? [i] : []));
  return reshape(sum(grad, axes), shape);
}
