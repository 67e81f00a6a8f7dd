/** Where a model's builder gets its tensors from: frozen weights, trainable slices, or both. */
import type { Node } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";
import { matMul } from "../ops/matmul.js";

/** A low-rank update of one linear layer. */
export interface LowRankUpdate {
  /** [r, in] */
  readonly a: Node;
  /** [out, r] */
  readonly b: Node;
  /** alpha / r, or alpha / sqrt(r) with rsLoRA; over 1 - rate where dropout is at work */
  readonly scale: number;
  /** Sets what is dropped of the update's input to 0 while training; the identity otherwise. */
  readonly dropout: (x: Node) => Node;
}

export interface Params {
  /** An f32 tensor by its checkpoint name, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  tensor(name: string, shape: Shape): Node;
  /** x Wᵀ with the weight of a linear layer or of the head, by its module's name. @param x [n, in]   @returns [n, out] */
  product(module: string, x: Node, dOut: number): Node;
  /** The update of a linear layer, by its module's name, e.g. `model.layers.0.self_attn.q_proj`. */
  update(module: string): LowRankUpdate | null;
}

/** `Params.product` in f32. */
export function f32Product(tensor: Params["tensor"]): Params["product"] {
  return (module, x, dOut) => matMul(x, tensor(`${module}.weight`, [dOut, x.shape[1]!]), { transB: true });
}
