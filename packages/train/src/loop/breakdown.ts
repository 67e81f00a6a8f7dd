/** Errors of a run that must not go on: they name the step, its rows and the last good state. */
import { GituneError, type IssueCode } from "@gitune/core";
import type { StepPlan } from "../data/batches.js";
import type { EncodedRows } from "../data/encoded-rows.js";
import { listCheckpoints } from "./checkpoint.js";

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

/** `train.spike` @param limit what the loss is above, in nats */
export function lossSpike(place: BreakdownPlace, loss: number, limit: number): Promise<GituneError> {
  const what = `was stopped at step ${stepOf(place)}: its loss ${loss.toPrecision(4)} is far above those before (at most ${limit.toPrecision(4)} was to be expected)`;
  return breakdown(
    "train.spike",
    place,
    what,
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
  // The one on disk, not the state in hand: a loss of this step already judges what the step before did.
  const [lastGood] = await listCheckpoints(out);
  const kept = lastGood === undefined ? "" : `; the last good state is ${lastGood}`;
  return new GituneError({
    code,
    severity: "error",
    message: `training ${what}${kept}`,
    found: `the step's rows: ${places.join(", ")}${more}`,
    fix,
  });
}
