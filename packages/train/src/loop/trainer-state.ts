/** `trainer_state.json`: how a run went, step by step, for people and for plots. */
import { join } from "node:path";
import { type TrainConfig, writeFileAtomic } from "@gitune/core";
import type { EncodeStats } from "../data/encoded-rows.js";
import type { TrainingResult } from "./train.js";

/** A run's result with what it ran on. */
export interface TrainerStateFacts {
  readonly result: TrainingResult;
  readonly recipe: TrainConfig;
  readonly rows: EncodeStats;
  readonly validationRows: EncodeStats | null;
}

/**
 * Writes `trainer_state.json` into a folder, at once.
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3)
 */
export async function writeTrainerState(folder: string, facts: TrainerStateFacts): Promise<void> {
  await writeFileAtomic(join(folder, "trainer_state.json"), [`${JSON.stringify(trainerState(facts), null, 1)}\n`]);
}

/** Pure. Keys that transformers has in its own file of this name mean what they mean there. */
export function trainerState({ result, recipe, rows, validationRows }: TrainerStateFacts): object {
  return {
    version: 1,
    best_global_step: result.best?.step ?? null,
    best_metric: result.best?.loss ?? null,
    epoch: result.epochs,
    eval_steps: recipe.evalSteps,
    global_step: result.steps,
    logging_steps: 1,
    max_steps: result.totalSteps,
    num_input_tokens_seen: result.tokens,
    num_train_epochs: recipe.epochs,
    save_steps: recipe.checkpointSteps,
    train_batch_size: recipe.microBatchSize,
    stopped_early: result.isStoppedEarly,
    seconds: Number(result.seconds.toFixed(3)),
    tokens_per_second: Number(result.tokensPerSecond.toFixed(1)),
    /** Share of the computed tokens that was padding. */
    padding_share: Number((1 - result.tokens / Math.max(1, result.computedTokens)).toFixed(4)),
    peak_memory_bytes: result.peakMemoryBytes,
    rows: rowsOf(rows),
    validation_rows: validationRows && rowsOf(validationRows),
    log_history: logHistory(result),
  };
}

function rowsOf({ rows, cut, cutTokens, dropped, tokens, supervisedTokens, longest }: EncodeStats): object {
  return { used: rows, cut, cut_tokens: cutTokens, dropped, tokens, supervised_tokens: supervisedTokens, longest };
}

/** Steps, each followed by the validation loss that came after it, and a summary. */
function logHistory({ records, evals, steps, epochs, seconds, losses, tokensPerSecond }: TrainingResult): object[] {
  const epochOf = (step: number): number => Number(((step * epochs) / steps).toFixed(4));
  const trained = records.map(({ step, loss, learningRate, gradNorm }) => ({
    epoch: epochOf(step),
    grad_norm: gradNorm,
    learning_rate: learningRate,
    loss,
    step,
  }));
  const evaluated = evals.map(({ step, loss, seconds }) => ({
    epoch: epochOf(step),
    eval_loss: loss,
    eval_runtime: Number(seconds.toFixed(3)),
    step,
  }));
  const summary = {
    epoch: epochs,
    step: steps,
    train_loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    train_runtime: Number(seconds.toFixed(3)),
    train_steps_per_second: Number((steps / seconds).toFixed(3)),
    train_tokens_per_second: Number(tokensPerSecond.toFixed(1)),
  };
  // Stable: of one step, the training loss comes first.
  return [...[...trained, ...evaluated].sort((a, b) => a.step - b.step), summary];
}
