/** Trains every tensor: how the small base was pretrained. */
import { InternalError } from "@gitune/core";
import type { Shape } from "../../ir/shape.js";
import { f32Product, type Params } from "../../nn/params.js";
import { layOut, sliceTensor } from "../flat.js";
import type { Tuner } from "../tuner.js";

/** The reference's `initializer_range` for Llama. */
const INIT_STD = 0.02;

/**
 * @param specs every tensor of the checkpoint
 * @param start the checkpoint's own values; null begins from a random model
 */
export function fullTuner(
  specs: readonly { readonly name: string; readonly shape: Shape }[],
  start: ((name: string) => Float32Array) | null,
): Tuner {
  const { tensors, size } = layOut(specs);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return {
    tensors,
    size,
    startsAsIdentity: start !== null,
    // Norm weights are scales, not maps: decay would pull them to 0. Biases are few. (transformers' exemptions.)
    decayMask: () => {
      const mask = new Float32Array(size);
      for (const { offset, size: count, shape } of tensors) if (shape.length > 1) mask.fill(1, offset, offset + count);
      return mask;
    },
    initialize: (uniform) => {
      const theta = new Float32Array(size);
      for (const { name, offset, size: count, shape } of tensors) {
        if (start) theta.set(start(name), offset);
        else if (name.endsWith(".bias"))
          continue; // 0
        else if (shape.length === 1) theta.fill(1, offset, offset + count);
        else for (let i = 0; i < count; i++) theta[offset + i] = INIT_STD * normal(uniform);
      }
      return theta;
    },
    dropout: null,
    params: (_frozen, { theta }) => {
      const trained: Params["tensor"] = (name) => {
        const tensor = byName.get(name);
        if (!tensor) throw new InternalError(`the flat vector has no ${name}`);
        return sliceTensor(theta, tensor);
      };
      return { tensor: trained, product: f32Product(trained), update: () => null };
    },
  };
}

/** A standard normal value (Box & Muller 1958). */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
