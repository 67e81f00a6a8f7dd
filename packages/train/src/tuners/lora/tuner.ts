/** LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685; initialised and scaled as PEFT does. */
import { GituneError, type LoraTechnique } from "@gitune/core";
import type { LinearSpec } from "../../models/llama/tensors.js";
import type { LowRankUpdate } from "../../nn/params.js";
import { cast, mul } from "../../ops/elementwise.js";
import { layOut, sliceTensor } from "../flat.js";
import type { Tuner } from "../tuner.js";

/** alpha / r, or alpha / sqrt(r) with rsLoRA (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732). */
export function loraScale({ alpha, r, rslora }: LoraTechnique): number {
  return rslora ? alpha / Math.sqrt(r) : alpha / r;
}

/**
 * The linear layers that `targets` names, by the last part of their module's name.
 * @throws GituneError `lora.targets` for a name that the model lacks, `lora.rank` where r exceeds a layer's size
 */
export function selectTargets(linears: readonly LinearSpec[], technique: LoraTechnique): LinearSpec[] {
  const nameOf = ({ module }: LinearSpec) => module.split(".").at(-1)!;
  const available = [...new Set(linears.map(nameOf))];
  const { targets, r } = technique;
  if (targets !== "all-linear") {
    const missing = targets.filter((name) => !available.includes(name));
    if (missing.length > 0 || targets.length === 0) {
      throw new GituneError({
        code: "lora.targets",
        severity: "error",
        pointer: "/train/technique/targets",
        message: "the base has no such linear layer",
        expected: `all-linear, or some of ${available.join(", ")}`,
        found: missing.join(", ") || "an empty list",
      });
    }
  }
  const selected =
    targets === "all-linear" ? [...linears] : linears.filter((linear) => targets.includes(nameOf(linear)));
  for (const target of selected) {
    const { module, dIn, dOut } = target;
    const limit = Math.min(dIn, dOut);
    if (r < 1 || r > limit) {
      throw new GituneError({
        code: "lora.rank",
        severity: "error",
        pointer: "/train/technique/r",
        message: `a rank-${r} update of ${module} [${dOut}, ${dIn}] would not be low-rank`,
        expected: `1 <= r <= ${limit}, the layer's smaller side`,
        found: String(r),
        fix: `set technique.r to ${limit} or less, or leave ${nameOf(target)} out of targets`,
      });
    }
  }
  return selected;
}

export function loraTuner(linears: readonly LinearSpec[], technique: LoraTechnique): Tuner {
  const targets = selectTargets(linears, technique);
  const { r, dropout } = technique;
  const { tensors, size } = layOut(
    targets.flatMap(({ module, dIn, dOut }) => [
      { name: `${module}.lora_A.weight`, shape: [r, dIn] },
      { name: `${module}.lora_B.weight`, shape: [dOut, r] },
    ]),
  );
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const scale = loraScale(technique);

  return {
    tensors,
    size,
    startsAsIdentity: true,
    decayMask: () => new Float32Array(size).fill(1),
    initialize: (uniform) => {
      const theta = new Float32Array(size);
      for (const { name, shape, offset, size: count } of tensors) {
        if (!name.endsWith("lora_A.weight")) continue; // B starts at 0, so the update starts as nothing.
        // PEFT: kaiming_uniform_(a = sqrt 5), whose bound comes to 1 / sqrt(in).
        const bound = 1 / Math.sqrt(shape[1]!);
        for (let i = 0; i < count; i++) theta[offset + i] = (2 * uniform() - 1) * bound;
      }
      return theta;
    },
    dropout:
      dropout > 0 ? { rate: dropout, modules: targets.map(({ module, dIn }) => ({ module, width: dIn })) } : null,
    params: (frozen, { theta, dropout: keptOf }) => ({
      tensor: frozen.tensor,
      product: frozen.product,
      update: (module) => {
        const a = byName.get(`${module}.lora_A.weight`);
        const b = byName.get(`${module}.lora_B.weight`);
        if (!a || !b) return null;
        const update: LowRankUpdate = {
          a: sliceTensor(theta, a),
          b: sliceTensor(theta, b),
          // What is kept is scaled up by 1 / (1 - rate): once, in the product, not value by value.
          scale: keptOf ? scale / (1 - dropout) : scale,
          dropout: (x) => (keptOf ? mul(x, cast(keptOf(module, x.shape[1]!), "f32")) : x),
        };
        return update;
      },
    }),
  };
}
