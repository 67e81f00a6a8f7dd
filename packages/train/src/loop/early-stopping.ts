/** Which validation loss is a run's best, and when it is time to stop. Pure, from the validation losses alone. */
import type { EarlyStopping } from "@gitune/core";
import type { EvalRecord } from "./checkpoint.js";

/** The run so far, as its validation losses show it. */
export interface Standing {
  /** The first of the lowest; null before the first validation. */
  readonly best: EvalRecord | null;
  readonly isStopped: boolean;
}

/** @param earlyStopping null never stops */
export function standingOf(evals: readonly EvalRecord[], earlyStopping: EarlyStopping | null): Standing {
  let best: EvalRecord | null = null;
  /** What a new best must beat by `minDelta` to show that it is still worth to go on. */
  let mark = Number.POSITIVE_INFINITY;
  let waited = 0;
  for (const record of evals) {
    if (best === null || record.loss < best.loss) best = record;
    const improves = record.loss < mark - (earlyStopping?.minDelta ?? 0);
    if (improves) mark = record.loss;
    waited = improves ? 0 : waited + 1;
  }
  return { best, isStopped: earlyStopping !== null && waited >= earlyStopping.patience };
}
