/** Ops that work value by value; two operands broadcast as in numpy. */
import type { DType } from "../ir/dtype.js";
import type { Attrs, Node } from "../ir/node.js";
import { broadcastShapes, shapeError } from "../ir/shape.js";
import { scalar } from "./leaf.js";
import { apply, defineOp } from "./op.js";
import { sumTo } from "./reduce.js";

function inferBinary(name: string) {
  return ([a, b]: readonly Node[]) => {
    if (!a || !b) throw shapeError(name, "takes two operands");
    if (a.dtype !== b.dtype) throw shapeError(name, `dtypes differ: ${a.dtype} and ${b.dtype}`);
    return { shape: broadcastShapes(name, a.shape, b.shape), dtype: a.dtype };
  };
}

function inferUnary(name: string) {
  return ([x]: readonly Node[]) => {
    if (!x) throw shapeError(name, "takes one operand");
    if (x.dtype !== "f32") throw shapeError(name, `needs f32, got ${x.dtype}`);
    return { shape: x.shape, dtype: x.dtype };
  };
}

export const addOp = defineOp({
  name: "add",
  infer: inferBinary("add"),
  vjp: ({ src: [a, b], grad }) => [sumTo(grad, a!.shape), sumTo(grad, b!.shape)],
});
export const subOp = defineOp({
  name: "sub",
  infer: inferBinary("sub"),
  vjp: ({ src: [a, b], grad, needs }) => [sumTo(grad, a!.shape), needs[1] ? sumTo(neg(grad), b!.shape) : null],
});
export const mulOp = defineOp({
  name: "mul",
  infer: inferBinary("mul"),
  vjp: ({ src: [a, b], grad, needs }) => [
    needs[0] ? sumTo(mul(grad, b!), a!.shape) : null,
    needs[1] ? sumTo(mul(grad, a!), b!.shape) : null,
  ],
});
export const divOp = defineOp({
  name: "div",
  infer: inferBinary("div"),
  vjp: ({ node, src: [a, b], grad, needs }) => [
    needs[0] ? sumTo(div(grad, b!), a!.shape) : null,
    needs[1] ? sumTo(neg(div(mul(grad, node), b!)), b!.shape) : null,
  ],
});
/** Elementwise minimum. Not differentiable here: only clipping uses it, outside the loss. */
export const minimumOp = defineOp({ name: "minimum", infer: inferBinary("minimum"), vjp: null });
/** Elementwise maximum. Not differentiable here: it only guards a logarithm. */
export const maximumOp = defineOp({ name: "maximum", infer: inferBinary("maximum"), vjp: null });

export const negOp = defineOp({ name: "neg", infer: inferUnary("neg"), vjp: ({ grad }) => [neg(grad)] });
export const expOp = defineOp({ name: "exp", infer: inferUnary("exp"), vjp: ({ node, grad }) => [mul(grad, node)] });
export const logOp = defineOp({ name: "log", infer: inferUnary("log"), vjp: ({ src: [x], grad }) => [div(grad, x!)] });
export const sqrtOp = defineOp({
  name: "sqrt",
  infer: inferUnary("sqrt"),
  vjp: ({ node, grad }) => [div(mul(grad, scalar(node.graph, 0.5)), node)],
});
/** 1 / (1 + e^-x) */
export const sigmoidOp = defineOp({
  name: "sigmoid",
  infer: inferUnary("sigmoid"),
  vjp: ({ node, grad }) => [mul(grad, mul(node, sub(scalar(node.graph, 1), node)))],
});
/** Between storage and arithmetic types. Only f32 -> f32 carries a gradient, and that cast is never built. */
export const castOp = defineOp({
  name: "cast",
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const to = attrs["to"] as DType;
    if (to !== "f32" && to !== "i64") throw shapeError("cast", `to f32 or i64 only, not ${to}: it is a storage type`);
    return { shape: x!.shape, dtype: to };
  },
  vjp: null,
});

export const add = (a: Node, b: Node): Node => apply(addOp, [a, b]);
export const sub = (a: Node, b: Node): Node => apply(subOp, [a, b]);
export const mul = (a: Node, b: Node): Node => apply(mulOp, [a, b]);
export const div = (a: Node, b: Node): Node => apply(divOp, [a, b]);
export const minimum = (a: Node, b: Node): Node => apply(minimumOp, [a, b]);
export const maximum = (a: Node, b: Node): Node => apply(maximumOp, [a, b]);
export const neg = (x: Node): Node => apply(negOp, [x]);
export const exp = (x: Node): Node => apply(expOp, [x]);
export const log = (x: Node): Node => apply(logOp, [x]);
export const sqrt = (x: Node): Node => apply(sqrtOp, [x]);
export const sigmoid = (x: Node): Node => apply(sigmoidOp, [x]);
export const cast = (x: Node, to: DType): Node => (x.dtype === to ? x : apply(castOp, [x], { to }));
/** x * factor */
export const scale = (x: Node, factor: number): Node => (factor === 1 ? x : mul(x, scalar(x.graph, factor)));
