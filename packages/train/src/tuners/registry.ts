import type { Technique } from "@gitune/core";
import type { LlamaConfig } from "../models/llama/config.js";
import { llamaLinears, llamaTensors } from "../models/llama/tensors.js";
import { fullTuner } from "./full/tuner.js";
import { loraTuner } from "./lora/tuner.js";
import type { Tuner } from "./tuner.js";

/** The tuner of a technique, for one model. @param start the base's own values; null where it has none yet */
export function createTuner(
  technique: Technique,
  config: LlamaConfig,
  start: ((name: string) => Float32Array) | null,
): Tuner {
  switch (technique.type) {
    case "lora":
      return loraTuner(llamaLinears(config), technique);
    case "full":
      return fullTuner(llamaTensors(config), start);
  }
}
