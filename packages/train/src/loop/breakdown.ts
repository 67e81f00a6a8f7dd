/** Errors of a run that must not go on: they name the step, its rows and the last good state. */
import { GituneError, type IssueCode } from "@gitune/core";
import type { StepPlan } from "../data/batches.js";
import type { EncodedRows } from "../data/encoded-rows.js";
import { listCheckpoints, stepOfCheckpoint } from "./checkpoint.js";

/** Rows named when a step goes wrong. */
const MAX_PLACES = 20;

/** Where it happened. */
export interface BreakdownPlace {
  readonly step: StepPlan;
  readonly totalSteps: number;
  readonly encoded: EncodedRows;
  /** The run's working folder. */
  readonly out: string;
}

/** `train.nan`: what training cannot recover from. */
export function notANumber(place: BreakdownPlace, found: { loss: number; gradNorm: number }): Promise<GituneError> {
  const what = `broke down at step ${stepOf(place)}: loss ${found.loss}, gradient norm ${found.gradNorm}`;
  return breakdown(
    "train.nan",
    place,
    what,
    "lower train.learning_rate, set train.max_grad_norm, or look at these rows",
  );
}

/**
 * `train.spike`
 * @param place the step at which it began
 * @param losses of that step and those after it, in nats
 * @param before the median loss before it
 */
export function lossSpike(place: BreakdownPlace, losses: readonly number[], before: number): Promise<GituneError> {
  const high = losses.map((loss) => loss.toPrecision(3)).join(", ");
  return breakdown(
    "train.spike",
    place,
    `was stopped: from step ${stepOf(place)} on the loss is ${high}, and before it was ${before.toPrecision(3)}`,
    "look at these rows, or lower train.learning_rate; train.loss_spike_factor: 0 goes on, also with --resume",
  );
}

/** `train.nan` of the validation split, whose rows are all in it. */
export function validationNotANumber(step: number, loss: number): GituneError {
  return new GituneError({
    code: "train.nan",
    severity: "error",
    message: `training broke down by step ${step}: the validation loss is ${loss}`,
    fix: "lower train.learning_rate, or set train.max_grad_norm",
  });
}

const stepOf = ({ step, totalSteps }: BreakdownPlace): string => `${step.step + 1} of ${totalSteps}`;

async function breakdown(
  code: IssueCode,
  { step, encoded, out }: BreakdownPlace,
  what: string,
  fix: string,
): Promise<GituneError> {
  const rows = step.micro.flatMap(({ lanes }) => lanes.flat());
  const places = rows.slice(0, MAX_PLACES).map((row) => encoded.place(row));
  const more = rows.length > places.length ? ` and ${rows.length - places.length} more` : "";
  // A loss judges what the steps before it did, so the last of them is no good state.
  const [lastGood] = (await listCheckpoints(out)).filter((folder) => stepOfCheckpoint(folder) < step.step);
  const kept = lastGood === undefined ? "" : `; the last good state is ${lastGood}`;
  return new GituneError({
    code,
    severity: "error",
    message: `training ${what}${kept}`,
    found: `the step's rows: ${places.join(", ")}${more}`,
    fix,
  });
}
