/** What training wrote: an adapter's folder, or a model's (`technique: full`). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GituneError, hashFile, type LoraTechnique } from "@gitune/core";
import { adapterSha256, readPeftAdapter } from "./adapter/peft.js";
import { type Base, readWeights } from "./base.js";
import type { ModelSpec } from "./engine/model-spec.js";
import { sizeOf } from "./ir/shape.js";
import { llamaLinears } from "./models/llama/tensors.js";
import { layOut } from "./tuners/flat.js";
import { loraTuner } from "./tuners/lora/tuner.js";

/**
 * sha256 (hex) of what training wrote into a folder: the adapter's weights file, or the model's (`technique: full`).
 * @throws GituneError `adapter.missing` where there is neither
 */
export async function trainedSha256(folder: string): Promise<string> {
  const model = join(folder, "model.safetensors");
  return existsSync(model) ? hashFile(model) : adapterSha256(folder);
}

/** The base with what was trained on it: an adapter beside its weights, or weights in their place. */
export async function readTrained(folder: string | null, base: Base): Promise<ModelSpec> {
  if (folder === null) return { base: base.spec, adapter: null };
  const weights = await readWeights(folder, base.config, folder);
  if (weights) return { base: { ...base.spec, weights }, adapter: null };
  return { base: base.spec, adapter: await readAdapter(folder, base) };
}

/** A LoRA adapter as `ModelSpec` takes it. */
export interface LoraSpec {
  readonly technique: LoraTechnique;
  readonly theta: Float32Array;
}

/**
 * An adapter as the flat vector that its tuner lays out.
 * @throws GituneError (exit code 2) `adapter.shape` where it does not fit the base, and what reading it throws
 */
export async function readAdapter(folder: string, base: Base): Promise<LoraSpec> {
  const { technique, tensors } = await readPeftAdapter(folder);
  const tuner = loraTuner(llamaLinears(base.config), technique);
  const { size } = layOut(tuner.tensors);
  const theta = new Float32Array(size);
  for (const { name, shape, offset } of tuner.tensors) {
    const tensor = tensors.find((candidate) => candidate.name === name);
    if (!tensor || tensor.data.length !== sizeOf(shape)) {
      throw new GituneError({
        code: "adapter.shape",
        severity: "error",
        file: folder,
        message: `the adapter does not fit ${base.id} at ${name}`,
        expected: `[${shape.join(", ")}]`,
        found: tensor ? `[${tensor.shape.join(", ")}]` : "nothing",
        fix: "use the base that the adapter was trained on",
      });
    }
    theta.set(tensor.data, offset);
  }
  return { technique, theta };
}
