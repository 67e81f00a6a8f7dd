/** Two steps of a recipe, every part once: does this project train at all? */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GituneError, type Row } from "@gitune/core";
import { encodeRow } from "./data/encode-row.js";
import { encodeRows } from "./data/encoded-rows.js";
import { createScorer, type ScorerOptions } from "./scorer.js";
import { type TrainAdapterOptions, trainAdapter } from "./train-adapter.js";

export interface SmokeOptions
  extends Pick<TrainAdapterOptions, "project" | "base" | "threads" | "device" | "onProgress" | "signal"> {
  /** Called more than once: rows are read anew each time. */
  readonly rows: () => AsyncIterable<Row> | Iterable<Row>;
  /** Null where the recipe takes no validation loss. */
  readonly validation: (() => AsyncIterable<Row> | Iterable<Row>) | null;
}

/** What was seen to work. */
export interface SmokeReport {
  readonly steps: number;
  readonly losses: readonly number[];
  readonly tokens: number;
  readonly seconds: number;
  readonly rows: { readonly used: number; readonly cut: number; readonly dropped: number };
  /** Null where there are none. */
  readonly validationRows: number | null;
  readonly trainableParameters: number;
  /** The step whose checkpoint was read back, to the same end. */
  readonly resumedFrom: number;
  /** The largest change of a logit of the first row, adapter loaded from its folder; null without a base to compare with. */
  readonly logitChange: number | null;
}

/** Enough for a checkpoint in between, and for a step whose learning rate is not 0. */
const SMOKE_STEPS = 2;

/**
 * Encodes every row, trains two steps, does the second once more from the first one's checkpoint, loads the adapter and looks
 * whether it changes what the base says. Works in a temporary folder, of which nothing is left.
 * @throws {GituneError} what `trainAdapter` throws; `train.smoke` (exit code 3) where a part does not do what it must
 */
export async function smokeTrain(options: SmokeOptions): Promise<SmokeReport> {
  const { base, rows, validation } = options;
  const { config } = options.project;
  const recipe = { ...config.train, checkpointSteps: 1, evalSteps: 0, loadBestModelAtEnd: false, reportTo: [] };
  const project = { ...options.project, config: { ...config, train: recipe } };
  const out = await mkdtemp(join(tmpdir(), "gitune-smoke-"));
  try {
    const validationRows = validation && (await encodeRows(validation(), base.tokenizer, recipe)).stats.rows;
    const train = (more: Partial<TrainAdapterOptions>) =>
      trainAdapter({ ...options, ...more, project, rows: rows(), validation: [], out, maxSteps: SMOKE_STEPS });
    const whole = await train({});
    let resumedFrom = 0;
    const resumed = await train({
      resume: true,
      onResume: (step) => {
        resumedFrom = step;
      },
    });
    if (resumedFrom === 0) throw broken("the checkpoint of the first step was not found again");
    if (resumed.adapterSha256 !== whole.adapterSha256)
      throw broken(`resumed from step ${resumedFrom}, the second step ends in other bytes`);
    return {
      steps: whole.steps,
      losses: whole.losses,
      tokens: whole.tokens,
      seconds: whole.seconds,
      rows: whole.rows,
      validationRows,
      trainableParameters: whole.trainableParameters,
      resumedFrom,
      logitChange: await logitChange(out, options),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** @param adapter its folder */
async function logitChange(adapter: string, { base, rows, project, ...options }: SmokeOptions): Promise<number | null> {
  const ids = await firstIds(rows(), base, project.config.train);
  const settings = {
    base,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    device: options.device ?? project.config.train.device,
  };
  const after = await logitsOf(ids, { ...settings, adapter });
  if (!after.every(Number.isFinite)) throw broken("the adapter was loaded again, and its logits are no numbers");
  if (base.spec.weights === null) return null;
  const before = await logitsOf(ids, { ...settings, adapter: null });
  const change = before.reduce((largest, logit, at) => Math.max(largest, Math.abs(logit - after[at]!)), 0);
  if (change === 0) throw broken("the adapter was loaded again, and changes no logit");
  return change;
}

async function logitsOf(ids: Int32Array, options: ScorerOptions): Promise<Float32Array> {
  const scorer = await createScorer(options);
  try {
    return await scorer.logits(ids);
  } finally {
    await scorer.close();
  }
}

async function firstIds(
  rows: AsyncIterable<Row> | Iterable<Row>,
  { tokenizer }: SmokeOptions["base"],
  recipe: Parameters<typeof encodeRow>[2],
): Promise<Int32Array> {
  for await (const row of rows) {
    const outcome = encodeRow(row, tokenizer, recipe);
    if (outcome.kind === "encoded") return outcome.ids;
  }
  throw broken("the rows were there, and no longer are");
}

function broken(message: string): GituneError {
  return new GituneError({ code: "train.smoke", severity: "error", message }, { exitCode: 3 });
}
