/**
 * The training loop: plan, step, record, checkpoint. It knows no op and no backend; nothing it does depends on time or on
 * the number of threads, so a run that was killed and resumed ends in the same bytes as one that was not.
 */
import { setImmediate } from "node:timers/promises";
import { GituneError, type Issue, type OnProgress, type TrainConfig } from "@gitune/core";
import { makeStepBatches, planTraining, type StepPlan, type TrainPlan } from "../data/batches.js";
import type { EncodedRows } from "../data/encoded-rows.js";
import { learningRateAt } from "../optim/schedule.js";
import {
  type Checkpoint,
  cleanCheckpoints,
  listCheckpoints,
  readNewestCheckpoint,
  type StepRecord,
  writeCheckpoint,
} from "./checkpoint.js";
import { configFingerprint } from "./fingerprint.js";
import type { OptimizerState, TrainProgram } from "./program.js";
import { writeTrainerState } from "./trainer-state.js";

/** Rows named when a step goes wrong. */
const MAX_PLACES = 20;

/** A run. */
export interface TrainingOptions {
  readonly program: TrainProgram;
  readonly encoded: EncodedRows;
  readonly recipe: TrainConfig;
  /** Working folder: `checkpoints/` and `trainer_state.json` go here. */
  readonly out: string;
  /** Goes on from the newest checkpoint in `out`; without it, checkpoints found there are removed. */
  readonly resume: boolean;
  /** Whatever else must be the same for a resume, e.g. the base's sha256. */
  readonly fingerprint?: string;
  /** In place of the recipe's own number of steps. */
  readonly maxSteps?: number;
  readonly onProgress?: OnProgress;
  /** Called after each step. */
  readonly onStep?: (record: StepRecord) => void;
  /** Told of damaged checkpoints. */
  readonly onWarning?: (issue: Issue) => void;
  /** Stops after the step in hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** A finished run. */
export interface TrainingResult {
  readonly state: OptimizerState;
  /** Optimizer steps, those before a resume included. */
  readonly steps: number;
  /** Loss of each step. */
  readonly losses: readonly number[];
  readonly records: readonly StepRecord[];
  readonly epochs: number;
  /** Tokens trained on, padding left out. */
  readonly tokens: number;
  /** Time spent in steps, over all parts of a resumed run. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** The step that this process went on from; 0 when it started anew. */
  readonly resumedFrom: number;
}

/**
 * Runs the recipe to its end.
 * @throws {GituneError} `train.nan` (2), `train.interrupted` (3, after a checkpoint), `resume.mismatch` (2), `disk.full` (3)
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingResult> {
  const { program, encoded, recipe, out, signal } = options;
  const plan = planTraining(encoded, { ...recipe, maxSteps: options.maxSteps ?? recipe.maxSteps });
  const run: Run = {
    options,
    plan,
    configSha256: configFingerprint(recipe, program.tensors, plan.totalSteps, options.fingerprint ?? ""),
  };
  const resumed = await resume(run);
  const resumedFrom = resumed?.optimizer.step ?? 0;
  const records = [...(resumed?.steps ?? [])];
  let state = resumed?.optimizer ?? (await initialState(program, recipe.seed));
  let tokens = resumed?.tokens ?? 0;
  let seconds = resumed?.seconds ?? 0;
  const snapshot = (): Checkpoint => ({
    optimizer: state,
    seed: recipe.seed,
    configSha256: run.configSha256,
    dataSha256: encoded.sha256,
    steps: records,
    tokens,
    seconds,
  });

  while (state.step < plan.totalSteps) {
    // Lets signals and timers in, also where a program computes without ever waiting.
    await setImmediate();
    if (signal?.aborted === true)
      throw interrupted(await writeCheckpoint(out, snapshot()), state.step, plan.totalSteps);

    const started = performance.now();
    const step = plan.step(state.step);
    const learningRate = learningRateAt(recipe, step.step, plan.totalSteps);
    const after = await program.step(state, makeStepBatches(encoded, step, recipe.seed), learningRate);
    if (!Number.isFinite(after.loss) || !Number.isFinite(after.gradNorm)) throw await notANumber(run, step, after);
    state = { ...after.state, step: step.step + 1 };
    tokens += step.tokens;
    seconds += (performance.now() - started) / 1000;

    const record = { step: state.step, loss: after.loss, learningRate, gradNorm: after.gradNorm };
    records.push(record);
    options.onStep?.(record);
    report(run, record, tokens / seconds);
    const isDue = recipe.checkpointSteps > 0 && state.step % recipe.checkpointSteps === 0;
    if (isDue && state.step < plan.totalSteps) await writeCheckpoint(out, snapshot());
  }

  const result: TrainingResult = {
    state,
    steps: state.step,
    losses: records.map(({ loss }) => loss),
    records,
    epochs: state.step / plan.stepsPerEpoch,
    tokens,
    seconds,
    tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
    resumedFrom,
  };
  await writeTrainerState(out, result);
  return result;
}

interface Run {
  readonly options: TrainingOptions;
  readonly plan: TrainPlan;
  readonly configSha256: string;
}

async function resume({ options, configSha256 }: Run): Promise<Checkpoint | null> {
  await cleanCheckpoints(options.out, !options.resume);
  if (!options.resume) return null;
  const expected = { configSha256, dataSha256: options.encoded.sha256 };
  return readNewestCheckpoint(options.out, expected, options.onWarning ?? (() => undefined));
}

async function initialState(program: TrainProgram, seed: number): Promise<OptimizerState> {
  const theta = await program.initialize(seed);
  return { theta, m: new Float32Array(theta.length), v: new Float32Array(theta.length), step: 0 };
}

function report({ options, plan }: Run, record: StepRecord, tokensPerSecond: number): void {
  options.onProgress?.({
    phase: "train",
    done: record.step,
    total: plan.totalSteps,
    unit: "steps",
    detail: { loss: Number(record.loss.toFixed(4)), "tokens/s": Math.round(tokensPerSecond) },
  });
}

async function notANumber(
  { options, plan }: Run,
  step: StepPlan,
  found: { readonly loss: number; readonly gradNorm: number },
): Promise<GituneError> {
  const rows = step.micro.flatMap(({ lanes }) => lanes.flat());
  const places = rows.slice(0, MAX_PLACES).map((row) => options.encoded.place(row));
  const more = rows.length > places.length ? ` and ${rows.length - places.length} more` : "";
  const [lastGood] = await listCheckpoints(options.out);
  const kept = lastGood === undefined ? "" : `; the last good state is ${lastGood}`;
  return new GituneError({
    code: "train.nan",
    severity: "error",
    message:
      `training broke down at step ${step.step + 1} of ${plan.totalSteps}: ` +
      `loss ${found.loss}, gradient norm ${found.gradNorm}${kept}`,
    found: `the step's rows: ${places.join(", ")}${more}`,
    fix: "lower train.learning_rate, set train.max_grad_norm, or look at these rows",
  });
}

function interrupted(folder: string, step: number, total: number): GituneError {
  return new GituneError(
    {
      code: "train.interrupted",
      severity: "error",
      file: folder,
      message: `training was stopped after step ${step} of ${total}; nothing is lost`,
      fix: "run the same command with --resume to go on",
    },
    { exitCode: 3 },
  );
}
