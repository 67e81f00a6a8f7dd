/**
 * Learning rate schedules, as transformers defines them (`get_constant_schedule_with_warmup`,
 * `get_linear_schedule_with_warmup`, `get_cosine_schedule_with_warmup` with half a cycle).
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/optimization.py
 */
import type { Schedule } from "@gitune/core";

/** All that a schedule depends on. */
export interface ScheduleConfig {
  readonly schedule: Schedule;
  /** The peak. */
  readonly learningRate: number;
  /** Share of the steps, [0, 1); rounded up to whole steps, as transformers does. */
  readonly warmupRatio: number;
}

type Factor = (step: number, warmupSteps: number, totalSteps: number) => number;

const FACTORS: { readonly [K in Schedule]: Factor } = {
  constant: () => 1,
  linear: (step, warmup, total) => Math.max(0, (total - step) / Math.max(1, total - warmup)),
  cosine: (step, warmup, total) => {
    const progress = (step - warmup) / Math.max(1, total - warmup);
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  },
};

/**
 * The learning rate of an optimizer step.
 * @param step counts from 0; with warm-up, step 0 has rate 0, as in transformers
 * @param totalSteps of the whole run
 */
export function learningRateAt(config: ScheduleConfig, step: number, totalSteps: number): number {
  const warmupSteps = Math.ceil(totalSteps * config.warmupRatio);
  if (step < warmupSteps) return config.learningRate * (step / Math.max(1, warmupSteps));
  return config.learningRate * FACTORS[config.schedule](step, warmupSteps, totalSteps);
}
