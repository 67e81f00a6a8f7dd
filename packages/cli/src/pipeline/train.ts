/** One adapter: from the store, or trained now and put there. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Device, GituneError, type OnProgress, type Project, type Row, type Store } from "@gitune/core";
import type { Base, TrainAdapterResult } from "@gitune/train";
import { trainKey } from "./keys.js";
import type { AdapterOutcome } from "./result.js";
import { copyAdapter, releaseWork, takeWork } from "./work-folder.js";
import { WorkNeeded } from "./work-needed.js";

export interface TrainOptions {
  readonly project: Project;
  readonly base: Base;
  readonly rows: readonly Row[];
  /** Those whose loss is taken while training; none where the recipe takes none. */
  readonly validation: readonly Row[];
  readonly store: Store;
  /** False finds, and trains nothing. */
  readonly compute: boolean;
  readonly device: Device;
  readonly threads?: number;
  readonly onProgress?: OnProgress;
  /** Told where a training goes on, and which checkpoints were refused: a line for people. */
  readonly onNote?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Beside the adapter in the store: how it was trained. */
const SUMMARY_FILE = "gitune.summary.json";

type Summary = Omit<AdapterOutcome, "dir" | "cached">;

/**
 * A training that was stopped goes on from its newest checkpoint: it works in a folder of its own in the store, which
 * outlives the process, and moves into the store only when it is done.
 * @throws {WorkNeeded} where it is not in the store and `compute` is false
 */
export async function trainCached(options: TrainOptions): Promise<AdapterOutcome> {
  const { project, base, rows, validation, store, device } = options;
  const { engineEnvironment } = await import("@gitune/train");
  const key = trainKey({
    rows,
    validation,
    config: project.config.train,
    base,
    environment: engineEnvironment(device),
  });
  const stored = await store.getFolder(key);
  if (stored !== null) return { ...(await readSummary(stored)), dir: stored, cached: true };
  if (!options.compute) throw new WorkNeeded("the adapter");

  const work = await takeWork(store.dir, key);
  try {
    const result = await trainOrGoOn(options, work.dir);
    const summary: Summary = {
      sha256: result.adapterSha256,
      steps: result.steps,
      losses: result.losses,
      learningRates: result.learningRates,
      validation: result.validation,
      keptStep: result.keptStep,
      tokens: result.tokens,
      seconds: result.seconds,
      tokensPerSecond: result.tokensPerSecond,
      rows: result.rows,
    };
    const { dir } = await store.putFolder(key, async (folder) => {
      await copyAdapter(work.dir, folder);
      await writeFile(join(folder, SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
    });
    await rm(work.dir, { recursive: true, force: true });
    return { ...summary, dir, cached: false };
  } finally {
    await releaseWork(work);
  }
}

/** Goes on from a checkpoint of exactly this training; what somebody else put in its place is not trusted. */
async function trainOrGoOn(options: TrainOptions, out: string): Promise<TrainAdapterResult> {
  const { project, base, rows, validation, device, onNote } = options;
  const { trainAdapter } = await import("@gitune/train");
  const train = (resume: boolean) =>
    trainAdapter({
      project,
      base,
      rows,
      ...(validation.length > 0 ? { validation } : {}),
      out,
      resume,
      device,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      onResume: (step, totalSteps) => {
        if (step > 0)
          onNote?.(`${project.config.name}: going on from the checkpoint of step ${step} of ${totalSteps}.`);
      },
      onWarning: ({ message }) => onNote?.(message),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  try {
    return await train(true);
  } catch (error) {
    const [issue] = error instanceof GituneError ? error.issues : [];
    if (issue?.code !== "resume.mismatch") throw error;
    onNote?.(`${issue.message}: starting at step 1`);
    return train(false);
  }
}

/** The store has checked every byte of it. */
async function readSummary(folder: string): Promise<Summary> {
  return JSON.parse(await readFile(join(folder, SUMMARY_FILE), "utf8")) as Summary;
}
