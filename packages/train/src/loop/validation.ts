/** The loss of a whole split, nothing updated. */
import type { TrainConfig } from "@gitune/core";
import { makeStepBatches, planTraining, type TrainPlan } from "../data/batches.js";
import type { EncodedRows } from "../data/encoded-rows.js";
import type { TrainProgram } from "./program.js";

/** A split, cut into passes as training cuts its own rows. */
export interface Validation {
  readonly encoded: EncodedRows;
  readonly plan: TrainPlan;
}

/** Plans one epoch over the split. */
export function planValidation(encoded: EncodedRows, recipe: TrainConfig): Validation {
  return { encoded, plan: planTraining(encoded, { ...recipe, epochs: 1, maxSteps: null }) };
}

/**
 * The mean over all of the split's labels, in nats, dropout off; sums in one order, so the same vector gives the same number.
 * @param onPass told the share that is done, in (0, 1]
 * @returns null when the signal came in between
 */
export async function validationLoss(
  program: TrainProgram,
  theta: Float32Array,
  { encoded, plan }: Validation,
  seed: number,
  { onPass, signal }: { readonly onPass?: (share: number) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<number | null> {
  let sum = 0;
  for (let index = 0; index < plan.totalSteps; index++) {
    const step = plan.step(index);
    for (const batch of makeStepBatches(encoded, step, seed)) {
      if (signal?.aborted === true) return null;
      sum += (await program.loss(theta, batch)) * step.labels;
    }
    onPass?.((index + 1) / plan.totalSteps);
  }
  return sum / encoded.stats.supervisedTokens;
}
