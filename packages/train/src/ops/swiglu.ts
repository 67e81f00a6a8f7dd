import type { Node } from "../ir/node.js";
import { checkShape } from "../ir/shape.js";
import { add, mul, sigmoid, sub } from "./elementwise.js";
import { again, apply, defineOp } from "./op.js";

/**
 * silu(gate) * up: Shazeer 2020, https://arxiv.org/abs/2002.05202.
 * A composite, since its own gradient needs fewer passes over memory than the chain of its parts:
 * with s = sigmoid(g) and h = g·s, d silu = s + h − h·s.
 */
export const swigluOp = defineOp({
  name: "swiglu",
  infer: ([gate, up]: readonly Node[]) => {
    checkShape("swiglu", "up", up!.shape, gate!.shape);
    return { shape: gate!.shape, dtype: gate!.dtype };
  },
  expand: ([gate, up]) => mul(silu(gate!), up!),
  vjp: ({ src: [gate, up], grad, needs }) => {
    const s = again(sigmoid(gate!));
    const h = mul(gate!, s);
    return [needs[0] ? mul(mul(grad, up!), add(s, sub(h, mul(h, s)))) : null, needs[1] ? mul(grad, h) : null];
  },
});

const silu = (x: Node): Node => mul(x, sigmoid(x));
export const swiglu = (gate: Node, up: Node): Node => apply(swigluOp, [gate, up]);
