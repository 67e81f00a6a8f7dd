/** What the main thread and the engine's thread say to each other. Plain data only. */
import type { FailureExitCode, Issue } from "@gitune/core";
import type { OnnxOptions } from "../backends/onnx/session.js";
import type { TfjsOptions } from "../backends/tfjs/load.js";
import type { MicroBatch, OptimizerState, TrainableTensor } from "../loop/program.js";
import type { DecodeOptions, DecodeSpec, RawGeneration } from "./decode-engine.js";
import type { ModelSpec } from "./model-spec.js";
import type { TrainSpec } from "./train-engine.js";

export interface StepResult {
  readonly state: OptimizerState;
  readonly loss: number;
  readonly gradNorm: number;
}

/** Every call: its arguments and its answer. */
export interface Calls {
  openTrain: { args: [TrainSpec]; result: { tensors: readonly TrainableTensor[]; size: number } };
  initialize: { args: [seed: number]; result: Float32Array };
  step: { args: [OptimizerState, readonly MicroBatch[], learningRate: number]; result: StepResult };
  loss: { args: [theta: Float32Array, MicroBatch]; result: number };
  openDecode: { args: [DecodeSpec]; result: null };
  decode: { args: [prompts: readonly Int32Array[], DecodeOptions]; result: RawGeneration[] };
  openScore: { args: [ModelSpec]; result: null };
  logits: { args: [row: Int32Array]; result: Float32Array };
  close: { args: []; result: null };
}

/** Which backend the engine's thread computes on. */
export type EngineSettings =
  | ({ readonly backend: "onnx" } & Required<OnnxOptions>)
  | ({ readonly backend: "tfjs" } & TfjsOptions);

export interface Request<K extends keyof Calls = keyof Calls> {
  readonly id: number;
  readonly call: K;
  readonly args: Calls[K]["args"];
}

/** A token of a row: the row's place among the prompts, and the token's id. */
export type NewToken = readonly [row: number, id: number];

/** `end`: the rows of that call's generation need no more tokens. */
export type ToEngine =
  | Request
  | { readonly cancel: number }
  | { readonly end: number; readonly rows: readonly number[] };

export interface SentError {
  /** The error's class, e.g. AbortError. */
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Only of a GituneError. */
  readonly issues: readonly Issue[] | null;
  readonly exitCode: FailureExitCode;
}

export type FromEngine =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError }
  | { readonly id: number; readonly tokens: readonly NewToken[] }
  | { readonly id: number; readonly progress: { readonly done: number; readonly total: number } };
