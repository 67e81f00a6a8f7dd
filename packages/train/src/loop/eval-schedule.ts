/** When a run takes a validation loss. Pure. */

/**
 * @param step optimizer steps done
 * @param evalSteps steps between two; null takes one after each epoch. The last step always has one.
 */
export function isEvalDue(
  step: number,
  evalSteps: number | null,
  { stepsPerEpoch, totalSteps }: { readonly stepsPerEpoch: number; readonly totalSteps: number },
): boolean {
  return step > 0 && (step % (evalSteps ?? stepsPerEpoch) === 0 || step >= totalSteps);
}
