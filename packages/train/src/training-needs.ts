/** The least that training takes of a machine. What has less cannot do it, and is told before it starts. */
import type { Device, TrainConfig } from "@gitune/core";
import { type OpenBaseOptions, readBaseConfig } from "./base.js";
import { resolveDevice } from "./device.js";
import { sizeOf } from "./ir/shape.js";
import type { LlamaConfig } from "./models/llama/config.js";
import { llamaLinears, llamaTensors } from "./models/llama/tensors.js";
import { selectTargets } from "./tuners/lora/tuner.js";

export interface TrainingNeeds {
  /** Of the device's memory. Activations come on top: this much may not do, less surely does not. */
  readonly memoryBytes: number;
  /** Beside what is there already. */
  readonly diskBytes: number;
}

/** What a frozen weight takes at least of each device's memory. */
const FROZEN_BYTES: { readonly [K in Exclude<Device, "auto">]: number } = {
  // Mapped from the file: the system may take it back.
  cpu: 0,
  // As the checkpoint stores it, bf16 in most.
  cuda: 2,
  webgpu: 2,
  "tfjs-node-gpu": 4,
  "tfjs-node": 4,
  tfjs: 4,
};
const F32_BYTES = 4;
/** The trained vector, its gradient and AdamW's two moments. */
const VECTORS_IN_MEMORY = 4;
/** The trained vector and AdamW's two moments. */
const VECTORS_IN_CHECKPOINT = 3;
/** The newest two, and the one that is written. */
const CHECKPOINTS = 3;
/** Those of base and head, each in its working folder and in the store. */
const ADAPTERS = 4;

/**
 * Reads the base's config, and none of its weights.
 * @throws GituneError where the base is not there, or the technique does not fit it
 */
export async function trainingNeeds(
  recipe: TrainConfig,
  device: Device,
  base: OpenBaseOptions,
): Promise<TrainingNeeds> {
  return leastOf(recipe, device, await readBaseConfig(base));
}

/** Pure. */
export function leastOf(recipe: TrainConfig, device: Device, model: LlamaConfig): TrainingNeeds {
  const { technique, compute, loadBestModelAtEnd, base } = recipe;
  const isFull = technique.type === "full";
  const weights = llamaTensors(model).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const trained = isFull
    ? weights
    : selectTargets(llamaLinears(model), technique).reduce((sum, { dIn, dOut }) => sum + technique.r * (dIn + dOut), 0);
  const vectors = VECTORS_IN_CHECKPOINT + (loadBestModelAtEnd ? 1 : 0);
  // Weights in another form than the base's file has them.
  const copies = (base.endsWith(".gguf") ? F32_BYTES : 0) + (compute === "int8" ? 1 : 0);
  return {
    memoryBytes: (isFull ? 0 : weights * FROZEN_BYTES[resolveDevice(device)]) + VECTORS_IN_MEMORY * F32_BYTES * trained,
    diskBytes: F32_BYTES * trained * (CHECKPOINTS * vectors + ADAPTERS) + copies * weights,
  };
}
