import type { Graph, Node } from "../ir/node.js";
import { add, div, minimum, mul, sqrt, sub } from "../ops/elementwise.js";
import { input, scalar } from "../ops/leaf.js";
import { reshape, slice } from "../ops/movement.js";
import { sumAll } from "../ops/reduce.js";

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Clips the gradient's global L2 norm; 0 leaves it as it is. */
  readonly maxGradNorm: number;
}

/** What changes from step to step, in the order of the `hyper` input [3]. */
export interface AdamWHyper {
  readonly learningRate: number;
  /** 1 - beta1^step, counting from 1 */
  readonly correction1: number;
  readonly correction2: number;
}

export const packHyper = ({ learningRate, correction1, correction2 }: AdamWHyper): Float32Array =>
  Float32Array.of(learningRate, correction1, correction2);

/**
 * One AdamW step over the flat vector, in PyTorch's order of operations (decay first):
 * Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101, Algorithm 2; clipping as torch.nn.utils.clip_grad_norm_.
 * Inputs: theta, m, v, grad, decay [size] (decay is 1 where weight decay applies, else 0), hyper [3].
 * @returns the new theta, m, v [size] and the gradient's norm before clipping []
 */
export function adamW(
  graph: Graph,
  size: number,
  options: AdamWOptions,
): Readonly<Record<"newTheta" | "newM" | "newV" | "gradNorm", Node>> {
  const [theta, m, v, grad, decay] = ["theta", "m", "v", "grad", "decay"].map((name) => input(graph, name, [size])) as [
    Node,
    Node,
    Node,
    Node,
    Node,
  ];
  const hyper = input(graph, "hyper", [3]);
  const [learningRate, correction1, correction2] = [0, 1, 2].map((i) => reshape(slice(hyper, 0, i, i + 1), [])) as [
    Node,
    Node,
    Node,
  ];
  const number = (value: number) => scalar(graph, value);
  const blend = (old: Node, value: Node, beta: number) => add(mul(old, number(beta)), mul(value, number(1 - beta)));

  const gradNorm = sqrt(sumAll(mul(grad, grad)));
  // 1e-6 keeps the quotient finite for a zero gradient, as torch has it.
  const factor = minimum(div(number(options.maxGradNorm), add(gradNorm, number(1e-6))), number(1));
  const g = options.maxGradNorm > 0 ? mul(grad, factor) : grad;

  const decayed =
    options.weightDecay > 0
      ? mul(theta, sub(number(1), mul(mul(learningRate, number(options.weightDecay)), decay)))
      : theta;
  const newM = blend(m, g, options.beta1);
  const newV = blend(v, mul(g, g), options.beta2);
  const denominator = add(div(sqrt(newV), sqrt(correction2)), number(options.epsilon));
  const update = mul(div(learningRate, correction1), div(newM, denominator));
  return { newTheta: sub(decayed, update), newM, newV, gradNorm };
}
