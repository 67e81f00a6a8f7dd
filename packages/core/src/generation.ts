/** The seam between the engine, which generates, and evaluation, which never imports the engine. */
import type { PromptContent } from "./row.js";

export interface GenerationOptions {
  readonly maxNewTokens: number;
  /** 0 means greedy. */
  readonly temperature: number;
  /** (0, 1]; 1 keeps all. */
  readonly topP?: number;
  /** 0 keeps all. */
  readonly topK?: number;
  /** > 0; 1 changes nothing, more makes tokens of prompt and text less likely (as in transformers). */
  readonly repetitionPenalty?: number;
  /** A row's draws depend on this, on its place among the prompts and on the number of tokens before; on nothing else. */
  readonly seed?: number;
  /** The text ends before the first of these, also where one spans several tokens; none is empty. */
  readonly stop?: readonly string[];
}

/** Why a generation ended: its end token or a stop string (`eos`), its length limit, or a failure. */
export type StopReason = "eos" | "length" | "error";

export interface Generation {
  /** The continuation, special tokens and stop strings left out. */
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The time from the first pass over this row's prompt to its last token, in ms. */
  readonly latencyMs: number;
  readonly stop: StopReason;
  /** Only with `stop: "error"`. */
  readonly error?: string;
}

/** Continues each prompt; the answer has the prompts' order and length. A row that fails has `stop: "error"`. */
export type Generate = (
  prompts: readonly PromptContent[],
  options: GenerationOptions,
  hooks?: { readonly onProgress?: (done: number, total: number) => void; readonly signal?: AbortSignal },
) => Promise<Generation[]>;
