/** A run's curves as TensorBoard sees them: an event file for each process that worked on the run. */
import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, writeError } from "@gitune/core";
import type { EvalRecord, StepRecord } from "../loop/checkpoint.js";
import { encodeEvent, type TensorboardEvent } from "./tensorboard-event.js";

const EVENT_FILE = /^events\.out\.tfevents\./;

/** Takes a run's records as they are made. Tags are those of transformers' own callback. */
export interface EventLog {
  step(record: StepRecord): Promise<void>;
  validation(record: EvalRecord): Promise<void>;
  close(): Promise<void>;
}

/** Writes nothing. */
export const NO_EVENTS: EventLog = {
  step: async () => undefined,
  validation: async () => undefined,
  close: async () => undefined,
};

/**
 * Opens a new event file.
 * @param folder made where it is missing; without steps done, event files found there are of another run and removed
 * @param stepsDone what files in the folder say of later steps was lost with a killed process, and is told to be void
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3), also while writing
 */
export async function openEventLog(folder: string, stepsDone: number): Promise<EventLog> {
  const log = await guarded(folder, async () => {
    await mkdir(folder, { recursive: true });
    if (stepsDone === 0) await removeEventFiles(folder);
    return openFile(folder);
  });
  const write = (event: TensorboardEvent): Promise<void> =>
    guarded(folder, async () => {
      await log.write(encodeEvent(event));
    });
  await write({ kind: "version", time: now() });
  await write({ kind: "start", time: now(), step: stepsDone + 1 });
  return {
    step: ({ step, loss, learningRate, gradNorm }) =>
      write({
        kind: "scalars",
        time: now(),
        step,
        scalars: { "train/loss": loss, "train/learning_rate": learningRate, "train/grad_norm": gradNorm },
      }),
    validation: ({ step, loss }) => write({ kind: "scalars", time: now(), step, scalars: { "eval/loss": loss } }),
    close: () => guarded(folder, () => log.close()),
  };
}

/** TensorBoard reads a folder's files in the order of their names: time first, then what tells two of a second apart. */
async function openFile(folder: string): Promise<FileHandle> {
  const seconds = String(Math.floor(now())).padStart(10, "0");
  for (let count = 0; ; count++) {
    try {
      return await open(join(folder, `events.out.tfevents.${seconds}.gitune.${process.pid}.${count}`), "wx");
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

async function removeEventFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (EVENT_FILE.test(name)) await rm(join(folder, name), { force: true });
}

async function guarded<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw writeError(folder, cause);
  }
}

const now = (): number => Date.now() / 1000;
