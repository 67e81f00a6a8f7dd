/** Public names of @gitune/train, one by one. */
export { type PeftAdapter, readPeftAdapter } from "./adapter/peft.js";
export { type Base, type BaseSnapshot, countTokens, type OpenBaseOptions, openBase, weightsCache } from "./base.js";
export { defaultThreads, deviceClass, ENGINE_VERSION, resolveDevice } from "./device.js";
export { createGenerator, type Generator, type GeneratorOptions } from "./generator.js";
export { type MergeOptions, type MergeResult, mergeAdapter } from "./merge-adapter.js";
export { type DeviceReport, probeDevices } from "./probe-devices.js";
export { type SmokeOptions, type SmokeReport, smokeTrain } from "./smoke-train.js";
export type { BaseTokenizer } from "./tokenizer/tokenizer.js";
export {
  engineEnvironment,
  type TrainAdapterOptions,
  type TrainAdapterResult,
  trainAdapter,
  type ValidationLoss,
} from "./train-adapter.js";
export { trainedSha256 } from "./trained.js";
export { type TrainingNeeds, trainingNeeds } from "./training-needs.js";
