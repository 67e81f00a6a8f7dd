/** `trainer_state.json`: how a run went, step by step, for people and for plots. */
import { join } from "node:path";
import { writeFileAtomic } from "@gitune/core";
import type { StepRecord } from "./checkpoint.js";

/** What is recorded of a run. Keys that transformers has in its own file of this name are spelled as there. */
export interface TrainerStateFacts {
  readonly steps: number;
  readonly epochs: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly records: readonly StepRecord[];
}

/**
 * Writes `trainer_state.json` into a folder, at once.
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3)
 */
export async function writeTrainerState(folder: string, facts: TrainerStateFacts): Promise<void> {
  const path = join(folder, "trainer_state.json");
  const state = {
    version: 1,
    global_step: facts.steps,
    epoch: facts.epochs,
    num_tokens: facts.tokens,
    seconds: Number(facts.seconds.toFixed(3)),
    tokens_per_second: Number(facts.tokensPerSecond.toFixed(1)),
    log_history: facts.records.map(({ step, loss, learningRate, gradNorm }) => ({
      step,
      loss,
      learning_rate: learningRate,
      grad_norm: gradNorm,
    })),
  };
  await writeFileAtomic(path, [`${JSON.stringify(state, null, 1)}\n`]);
}
