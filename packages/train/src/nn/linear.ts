import type { Node } from "../ir/node.js";
import { add } from "../ops/elementwise.js";
import { matMul } from "../ops/matmul.js";
import type { Params } from "./params.js";

export interface LinearOptions {
  /** The module adds `<module>.bias` [out]. */
  readonly bias?: boolean;
  /** [n, out], added to the result. */
  readonly residual?: Node;
}

/**
 * y = x Wᵀ (+ bias) (+ residual), and the module's low-rank update if it has one: + s · (x Aᵀ) Bᵀ
 * (Hu et al. 2021, LoRA, https://arxiv.org/abs/2106.09685 §4.1; dropout on the update's input as in PEFT).
 * @param x [n, in]   @returns [n, out]
 */
export function linear(params: Params, module: string, x: Node, dOut: number, options: LinearOptions = {}): Node {
  const { bias = false, residual } = options;
  const product = params.product(module, x, dOut);
  const y = bias ? add(product, params.tensor(`${module}.bias`, [dOut])) : product;
  const base = residual ? add(y, residual) : y;
  const update = params.update(module);
  if (!update) return base;
  const low = matMul(update.dropout(x), update.a, { transB: true });
  // The product stands first, so that it and the sum become one Gemm.
  return add(matMul(low, update.b, { transB: true, alpha: update.scale }), base);
}
