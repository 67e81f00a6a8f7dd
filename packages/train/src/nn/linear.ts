import type { Node } from "../ir/node.js";
import { add } from "../ops/elementwise.js";
import { matMul } from "../ops/matmul.js";
import type { Params } from "./params.js";

/**
 * y = x Wᵀ (+ residual), and the module's low-rank update if it has one: + s · (x Aᵀ) Bᵀ
 * (Hu et al. 2021, LoRA, https://arxiv.org/abs/2106.09685 §4.1; dropout on the update's input as in PEFT).
 * @param x [n, in]   @param residual [n, out]   @returns [n, out]
 */
export function linear(params: Params, module: string, x: Node, dOut: number, residual?: Node): Node {
  const w = params.tensor(`${module}.weight`, [dOut, x.shape[1]!]);
  const y = matMul(x, w, { transB: true });
  const base = residual ? add(y, residual) : y;
  const update = params.update(module);
  if (!update) return base;
  const low = matMul(update.dropout(x), update.a, { transB: true });
  // The product stands first, so that it and the sum become one Gemm.
  return add(matMul(low, update.b, { transB: true, alpha: update.scale }), base);
}
