/** The split whose loss is taken while a model trains on another. */
import type { Config } from "./config.js";

/** Its name in `data.splits`. */
export const VALIDATION_SPLIT = "validation";

/** Whether training takes losses of the validation split: the project has one, and `eval_steps` is not 0. */
export function takesValidationLoss({ data, train }: Config): boolean {
  return Object.hasOwn(data.splits, VALIDATION_SPLIT) && train.evalSteps !== 0;
}
