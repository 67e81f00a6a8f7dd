/**
 * The training loop: plan, step, record, validate, checkpoint. It knows no op and no backend; nothing it does depends on
 * time or on the number of threads, so a run that was killed and resumed ends in the same bytes as one that was not.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { memoryUsage, resourceUsage } from "node:process";
import { setImmediate } from "node:timers/promises";
import { GituneError, type Issue, type OnProgress, type TrainConfig } from "@gitune/core";
import { makeStepBatches, planTraining, type TrainPlan } from "../data/batches.js";
import type { EncodedRows } from "../data/encoded-rows.js";
import { type EventLog, NO_EVENTS, openEventLog } from "../logging/event-log.js";
import { learningRateAt } from "../optim/schedule.js";
import { lossSpike, notANumber, validationNotANumber } from "./breakdown.js";
import {
  type Checkpoint,
  cleanCheckpoints,
  type EvalRecord,
  readNewestCheckpoint,
  type StepRecord,
  writeCheckpoint,
} from "./checkpoint.js";
import { standingOf } from "./early-stopping.js";
import { isEvalDue } from "./eval-schedule.js";
import { configFingerprint } from "./fingerprint.js";
import { LossSpikeDetector } from "./loss-spike.js";
import type { OptimizerState, TrainProgram } from "./program.js";
import { writeTrainerState } from "./trainer-state.js";
import { planValidation, type Validation, validationLoss } from "./validation.js";

/** A run. */
export interface TrainingOptions {
  readonly program: TrainProgram;
  readonly encoded: EncodedRows;
  /** Rows whose loss is taken as the recipe's `evalSteps` says; null takes none. */
  readonly validation?: EncodedRows | null;
  readonly recipe: TrainConfig;
  /** Working folder: `checkpoints/`, `runs/` and `trainer_state.json` go here. */
  readonly out: string;
  /** Goes on from the newest checkpoint in `out`; without it, checkpoints found there are removed. */
  readonly resume: boolean;
  /** Whatever else must be the same for a resume, e.g. the base's sha256. */
  readonly fingerprint?: string;
  /** In place of the recipe's own number of steps. */
  readonly maxSteps?: number;
  readonly onProgress?: OnProgress;
  /** With `resume`: told the step that the run goes on from, 0 where there is no checkpoint. */
  readonly onResume?: (step: number, totalSteps: number) => void;
  /** Told of damaged checkpoints. */
  readonly onWarning?: (issue: Issue) => void;
  /** Stops after the step or validation pass in hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** A finished run. */
export interface TrainingResult {
  /** What was trained: of the best validation loss where the recipe asks for it, else of the last step. */
  readonly theta: Float32Array;
  /** Optimizer steps, those before a resume included. */
  readonly steps: number;
  /** Steps that the recipe asks for; more than `steps` where early stopping ended the run. */
  readonly totalSteps: number;
  readonly isStoppedEarly: boolean;
  /** Loss of each step. */
  readonly losses: readonly number[];
  readonly records: readonly StepRecord[];
  readonly evals: readonly EvalRecord[];
  /** Of the lowest validation loss; null where none was taken. */
  readonly best: EvalRecord | null;
  /** The step that `theta` is of. */
  readonly keptStep: number;
  readonly epochs: number;
  /** Tokens trained on, padding left out. */
  readonly tokens: number;
  /** The same with padding. */
  readonly computedTokens: number;
  /** Time spent in steps, over all parts of a resumed run. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** The largest resident set of this process so far. */
  readonly peakMemoryBytes: number;
  /** The step that this process went on from; 0 when it started anew. */
  readonly resumedFrom: number;
}

/**
 * Runs the recipe to its end, or until early stopping ends it.
 * @throws {GituneError} `train.nan` (2), `train.spike` (2), `train.interrupted` (3, after a checkpoint), `resume.mismatch`
 *   (2), `disk.full` (3)
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingResult> {
  const { recipe, out, signal } = options;
  const run = planRun(options);
  const progress = await startOrResume(run);
  const resumedFrom = progress.optimizer.step;
  const spikes = new LossSpikeDetector(recipe.lossSpikeFactor);
  for (const { loss } of progress.steps) spikes.push(loss);
  const events = recipe.reportTo.includes("tensorboard")
    ? await openEventLog(join(out, "runs"), resumedFrom)
    : NO_EVENTS;
  try {
    for (;;) {
      // Lets signals and timers in, also where a program computes without ever waiting.
      await setImmediate();
      const isEvaluating = isEvalPending(run, progress);
      if (!isEvaluating && isFinished(run, progress)) break;
      if (signal?.aborted === true) throw await interrupted(run, progress);
      if (isEvaluating) await evaluate(run, progress, events);
      else {
        await takeStep(run, progress, spikes, events);
        if (isCheckpointDue(run, progress)) await writeCheckpoint(out, checkpointOf(run, progress));
      }
    }
  } finally {
    await events.close();
  }
  const result = describe(run, progress, resumedFrom);
  const { encoded, validation } = options;
  await writeTrainerState(out, { result, recipe, rows: encoded.stats, validationRows: validation?.stats ?? null });
  return result;
}

/** What does not change while a run goes on. */
interface Run {
  readonly options: TrainingOptions;
  readonly plan: TrainPlan;
  readonly validation: Validation | null;
  readonly configSha256: string;
  readonly dataSha256: string;
}

/** What a run has done so far: all that a checkpoint keeps. */
interface Progress {
  optimizer: OptimizerState;
  readonly steps: StepRecord[];
  readonly evals: EvalRecord[];
  best: Float32Array | null;
  tokens: number;
  computedTokens: number;
  seconds: number;
}

function planRun(options: TrainingOptions): Run {
  const { program, encoded, validation, recipe } = options;
  const plan = planTraining(encoded, { ...recipe, maxSteps: options.maxSteps ?? recipe.maxSteps });
  const isValidated = validation && recipe.evalSteps !== 0;
  return {
    options,
    plan,
    validation: isValidated ? planValidation(validation, recipe) : null,
    configSha256: configFingerprint(recipe, program.tensors, plan.totalSteps, options.fingerprint ?? ""),
    dataSha256: isValidated
      ? createHash("sha256").update(encoded.sha256).update(validation.sha256).digest("hex")
      : encoded.sha256,
  };
}

async function startOrResume(run: Run): Promise<Progress> {
  const { out, resume, onWarning, onResume, program, recipe } = run.options;
  await cleanCheckpoints(out, !resume);
  const { configSha256, dataSha256, plan } = run;
  const expected = { configSha256, dataSha256, size: program.size, totalSteps: plan.totalSteps };
  const found = resume ? await readNewestCheckpoint(out, expected, onWarning ?? (() => undefined)) : null;
  if (resume) onResume?.(found?.optimizer.step ?? 0, plan.totalSteps);
  if (found !== null) {
    const { optimizer, best, tokens, computedTokens, seconds } = found;
    return { optimizer, best, tokens, computedTokens, seconds, steps: [...found.steps], evals: [...found.evals] };
  }
  const theta = await program.initialize(recipe.seed);
  const optimizer = { theta, m: new Float32Array(theta.length), v: new Float32Array(theta.length), step: 0 };
  return { optimizer, steps: [], evals: [], best: null, tokens: 0, computedTokens: 0, seconds: 0 };
}

function checkpointOf({ options, configSha256, dataSha256 }: Run, progress: Progress): Checkpoint {
  return { ...progress, seed: options.recipe.seed, configSha256, dataSha256 };
}

function isEvalPending({ options, plan, validation }: Run, { optimizer, evals }: Progress): boolean {
  if (validation === null || evals.at(-1)?.step === optimizer.step) return false;
  return isEvalDue(optimizer.step, options.recipe.evalSteps, plan);
}

function isFinished({ options, plan }: Run, { optimizer, evals }: Progress): boolean {
  return optimizer.step >= plan.totalSteps || standingOf(evals, options.recipe.earlyStopping).isStopped;
}

function isCheckpointDue({ options, plan }: Run, { optimizer }: Progress): boolean {
  const { checkpointSteps } = options.recipe;
  return checkpointSteps > 0 && optimizer.step % checkpointSteps === 0 && optimizer.step < plan.totalSteps;
}

/** One optimizer step, checked and recorded. */
async function takeStep(run: Run, progress: Progress, spikes: LossSpikeDetector, events: EventLog): Promise<void> {
  const { options, plan } = run;
  const { program, encoded, recipe, out } = options;
  const started = performance.now();
  const step = plan.step(progress.optimizer.step);
  const learningRate = learningRateAt(recipe, step.step, plan.totalSteps);
  const batches = makeStepBatches(encoded, step, recipe.seed);
  const { state, loss, gradNorm } = await program.step(progress.optimizer, batches, learningRate);

  const placeOf = (index: number) => ({ step: plan.step(index), totalSteps: plan.totalSteps, encoded, out });
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
    throw await notANumber(placeOf(step.step), { loss, gradNorm });
  const spike = spikes.push(loss);
  if (spike !== null) {
    const first = step.step - spike.stepsAgo;
    const losses = [...progress.steps.slice(first).map((record) => record.loss), loss];
    throw await lossSpike(placeOf(first), losses, spike.before);
  }

  progress.optimizer = { ...state, step: step.step + 1 };
  progress.tokens += step.tokens;
  progress.computedTokens += batches.reduce((sum, { batch, length }) => sum + batch * length, 0);
  progress.seconds += (performance.now() - started) / 1000;
  const record = { step: step.step + 1, loss, learningRate, gradNorm };
  progress.steps.push(record);
  await events.step(record);
  report(run, progress);
}

/** Takes the validation loss; nothing is recorded where the signal cuts it short. */
async function evaluate(run: Run, progress: Progress, events: EventLog): Promise<void> {
  const { program, recipe, signal } = run.options;
  const { theta, step } = progress.optimizer;
  const started = performance.now();
  const onPass = (share: number) => report(run, progress, `${Math.floor(100 * share)}%`);
  const loss = await validationLoss(program, theta, run.validation!, recipe.seed, { onPass, signal });
  if (loss === null) return;
  if (!Number.isFinite(loss)) throw validationNotANumber(step, loss);
  const record = { step, loss, seconds: (performance.now() - started) / 1000 };
  progress.evals.push(record);
  if (recipe.loadBestModelAtEnd && standingOf(progress.evals, null).best === record) progress.best = theta;
  await events.validation(record);
  report(run, progress);
}

/** @param validating how much of a validation is done, while one goes on */
function report({ options, plan }: Run, { steps, evals, tokens, seconds }: Progress, validating?: string): void {
  const last = steps.at(-1);
  const validation = evals.at(-1);
  options.onProgress?.({
    phase: "train",
    done: last?.step ?? 0,
    total: plan.totalSteps,
    unit: "steps",
    detail: {
      ...(last === undefined ? {} : { loss: Number(last.loss.toFixed(4)) }),
      ...(validation === undefined ? {} : { "validation loss": Number(validation.loss.toFixed(4)) }),
      ...(validating === undefined ? {} : { validating }),
      "tokens/s": Math.round(tokens / seconds),
      memory: `${(memoryUsage.rss() / 1e9).toFixed(1)} GB`,
    },
  });
}

function describe({ plan }: Run, progress: Progress, resumedFrom: number): TrainingResult {
  const { optimizer, steps: records, evals, tokens, computedTokens, seconds } = progress;
  const best = standingOf(evals, null).best;
  return {
    theta: progress.best ?? optimizer.theta,
    steps: optimizer.step,
    totalSteps: plan.totalSteps,
    isStoppedEarly: optimizer.step < plan.totalSteps,
    losses: records.map(({ loss }) => loss),
    records,
    evals,
    best,
    keptStep: progress.best !== null && best !== null ? best.step : optimizer.step,
    epochs: optimizer.step / plan.stepsPerEpoch,
    tokens,
    computedTokens,
    seconds,
    tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
    // In KiB on every platform, says libuv.
    peakMemoryBytes: resourceUsage().maxRSS * 1024,
    resumedFrom,
  };
}

/** Writes a checkpoint first, so that nothing is lost. */
async function interrupted(run: Run, progress: Progress): Promise<GituneError> {
  const folder = await writeCheckpoint(run.options.out, checkpointOf(run, progress));
  return new GituneError(
    {
      code: "train.interrupted",
      severity: "error",
      file: folder,
      message: `training was stopped after step ${progress.optimizer.step} of ${run.plan.totalSteps}; nothing is lost`,
      fix: "run the same command with --resume to go on",
    },
    { exitCode: 3 },
  );
}
