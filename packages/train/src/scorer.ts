/** What a model says of given tokens, without generating: parity with other engines, and with what was merged. */
import type { Device } from "@gitune/core";
import type { Base } from "./base.js";
import { defaultThreads, engineSettings } from "./device.js";
import { EngineThread } from "./engine/client.js";
import type { ModelSpec } from "./engine/model-spec.js";
import { readTrained } from "./trained.js";

export interface ScorerOptions {
  readonly base: Base;
  /** What was trained, as in `createGenerator`; null runs the bare base. */
  readonly adapter: string | null;
  readonly threads?: number;
  readonly device?: Device;
}

/** An open model; `close` frees its worker. */
export interface Scorer {
  /** @param row token ids, [T]   @returns [T, vocab], row-major: at t the logits of the token after it */
  logits(row: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** @throws GituneError where the adapter does not fit the base (exit code 2) */
export async function createScorer({ base, adapter, ...options }: ScorerOptions): Promise<Scorer> {
  return openScorer(await readTrained(adapter, base), options);
}

/** The same for a model that is in memory. */
export async function openScorer(
  model: ModelSpec,
  { threads = defaultThreads(), device = "auto" }: Pick<ScorerOptions, "threads" | "device"> = {},
): Promise<Scorer> {
  const thread = new EngineThread(await engineSettings(device, threads));
  await thread.call("openScore", [model]);
  return { logits: (row) => thread.call("logits", [row]), close: () => thread.close() };
}
