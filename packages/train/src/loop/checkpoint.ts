/**
 * Checkpoints: `checkpoints/step-N/` holds `state.safetensors` (theta, m, v, and the best theta where it is kept) and
 * `state.json` (everything else a run needs to go on to the same bytes). A folder is written under a temporary name and renamed, so one that exists is whole, unless
 * the disk itself lies: its hash is checked before use.
 */
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, GituneError, type Issue, syncFolder, writeError, writeFileAtomic } from "@gitune/core";
import { encodeSafetensors, readTensor, type TensorData } from "../weights/safetensors.js";
import type { OptimizerState } from "./program.js";

const FORMAT_VERSION = 2;
/** The newest, and one to fall back on if a disk loses it. */
const KEEP = 2;
const STEP_FOLDER = /^step-(\d{1,9})$/;
const VECTORS = ["theta", "m", "v"] as const;
const BEST = "best";
/** A step takes about 110 bytes: room for two million. */
const MAX_STATE_BYTES = 256 * 1024 * 1024;
/** A safetensors header of four names. */
const MAX_HEADER_BYTES = 4096;

/** One step as it went. */
export interface StepRecord {
  /** Counts from 1. */
  readonly step: number;
  /** Nats a label. */
  readonly loss: number;
  readonly learningRate: number;
  /** L2 norm of the gradient before clipping. */
  readonly gradNorm: number;
}

/** One validation loss. */
export interface EvalRecord {
  /** Optimizer steps done. */
  readonly step: number;
  /** Nats a label. */
  readonly loss: number;
  /** What it took. */
  readonly seconds: number;
}

/** A run's state after `optimizer.step` steps. */
export interface Checkpoint {
  readonly optimizer: OptimizerState;
  readonly seed: number;
  /** `configFingerprint` of the run. */
  readonly configSha256: string;
  /** `EncodedRows.sha256`. */
  readonly dataSha256: string;
  readonly steps: readonly StepRecord[];
  readonly evals: readonly EvalRecord[];
  /** Theta at the lowest validation loss; null where it is not kept, or before the first. */
  readonly best: Float32Array | null;
  /** Tokens trained on so far, padding left out. */
  readonly tokens: number;
  /** Tokens computed so far, padding included. */
  readonly computedTokens: number;
  /** Time spent in steps so far. */
  readonly seconds: number;
}

/**
 * Writes a checkpoint and removes all but the newest two.
 * @param out the run's working folder
 * @returns the checkpoint's folder
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3); what was there before is untouched then
 */
export async function writeCheckpoint(out: string, checkpoint: Checkpoint): Promise<string> {
  const root = join(out, "checkpoints");
  const folder = join(root, `step-${checkpoint.optimizer.step}`);
  const temporary = join(root, `tmp-${process.pid}-step-${checkpoint.optimizer.step}`);
  try {
    const hash = createHash("sha256");
    await writeFileAtomic(join(temporary, "state.safetensors"), hashing(stateBytes(checkpoint), hash));
    const { optimizer, best, ...facts } = checkpoint;
    const state: StateFile = {
      version: FORMAT_VERSION,
      step: optimizer.step,
      ...facts,
      hasBest: best !== null,
      weightsSha256: hash.digest("hex"),
    };
    await writeFileAtomic(join(temporary, "state.json"), [Buffer.from(`${JSON.stringify(state, null, 1)}\n`)]);
    // A damaged checkpoint of the same step, skipped when the run was resumed.
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
    await syncFolder(root);
    for (const old of (await listCheckpoints(out)).slice(KEEP)) await rm(old, { recursive: true, force: true });
    return folder;
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeError(folder, cause);
  }
}

/** Folders of a run's checkpoints, newest first. */
export async function listCheckpoints(out: string): Promise<string[]> {
  const root = join(out, "checkpoints");
  const steps: number[] = [];
  for (const name of await namesIn(root)) {
    const match = STEP_FOLDER.exec(name);
    if (match?.[1] !== undefined) steps.push(Number(match[1]));
  }
  return steps.sort((a, b) => b - a).map((step) => join(root, `step-${step}`));
}

/** The optimizer steps done by a checkpoint of `listCheckpoints`. */
export function stepOfCheckpoint(folder: string): number {
  return Number(STEP_FOLDER.exec(basename(folder))?.[1]);
}

/** Removes what a killed run left half-written, and with `all` every checkpoint. */
export async function cleanCheckpoints(out: string, all: boolean): Promise<void> {
  const root = join(out, "checkpoints");
  for (const name of await namesIn(root)) {
    const isOurs = name.startsWith("tmp-") || (all && STEP_FOLDER.test(name));
    if (isOurs) await rm(join(root, name), { recursive: true, force: true });
  }
}

/** What a run expects of a checkpoint that it goes on from. */
export interface ExpectedState {
  readonly configSha256: string;
  readonly dataSha256: string;
  /** Length of the trained vector. */
  readonly size: number;
  readonly totalSteps: number;
}

/**
 * The newest checkpoint that is whole and belongs to this run; null when there is none. What is read may come from a
 * cache or an artifact, so nothing in it is believed: links are not followed, and every size is that of the run.
 * @param onWarning is told of each damaged one that was skipped
 * @throws {GituneError} `resume.mismatch` (exit code 2) when it was written with another recipe or other rows
 */
export async function readNewestCheckpoint(
  out: string,
  run: ExpectedState,
  onWarning: (issue: Issue) => void,
): Promise<Checkpoint | null> {
  for (const folder of await listCheckpoints(out)) {
    const checkpoint = await readCheckpoint(folder, run).catch((cause: unknown) => {
      if (cause instanceof GituneError && cause.issues[0]?.code === "resume.mismatch") throw cause;
      onWarning({
        code: "resume.damaged",
        severity: "warning",
        file: folder,
        message: `the checkpoint ${folder} is damaged and was skipped: ${cause instanceof Error ? cause.message : cause}`,
      });
      return null;
    });
    if (checkpoint !== null) return checkpoint;
  }
  return null;
}

/** Reads one checkpoint, and checks it against the run and against its own hash. */
async function readCheckpoint(folder: string, run: ExpectedState): Promise<Checkpoint> {
  const path = join(folder, "state.safetensors");
  await checkFile(folder, "state.json", MAX_STATE_BYTES);
  const state = parseState(await readFile(join(folder, "state.json"), "utf8"));
  if (state.configSha256 !== run.configSha256) throw mismatch(folder, "another recipe, base or number of steps");
  if (state.dataSha256 !== run.dataSha256) throw mismatch(folder, "other rows, or another tokenizer or template");
  if (state.step > run.totalSteps) throw new Error("state.json has more steps than the run");

  const names = state.hasBest ? [...VECTORS, BEST] : VECTORS;
  await checkFile(folder, "state.safetensors", names.length * 4 * run.size + MAX_HEADER_BYTES);
  const hash = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  if (hash !== state.weightsSha256) throw new Error("state.safetensors has not the hash that state.json says");
  const [theta, m, v, best = null] = await Promise.all(names.map((name) => readTensor(path, name)));
  if (theta === undefined || m === undefined || v === undefined) throw new Error("a vector is missing");
  for (const vector of [theta, m, v, ...(best === null ? [] : [best])]) {
    if (vector.length !== run.size) throw new Error("a vector has not the length of what is trained");
    if (!vector.every(Number.isFinite)) throw new Error("a vector has values that are no numbers");
  }
  const { weightsSha256: _, version: __, hasBest: ___, step, ...facts } = state;
  return { ...facts, best, optimizer: { theta, m, v, step } };
}

/** Not through a link: what it leads to would be read, and its text be shown in an error. */
async function checkFile(folder: string, name: string, maxBytes: number): Promise<void> {
  for (const path of [dirname(folder), folder]) {
    if (!(await lstat(path)).isDirectory()) throw new Error(`${basename(path)} is no folder`);
  }
  const file = await lstat(join(folder, name));
  if (!file.isFile()) throw new Error(`${name} is no file`);
  if (file.size > maxBytes) throw new Error(`${name} has ${file.size} bytes, more than it can have`);
}

interface StateFile extends Omit<Checkpoint, "optimizer" | "best"> {
  readonly version: number;
  readonly step: number;
  readonly hasBest: boolean;
  readonly weightsSha256: string;
}

function parseState(text: string): StateFile {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("state.json is not an object");
  const state = value as Partial<StateFile>;
  const isWhole =
    state.version === FORMAT_VERSION &&
    Number.isInteger(state.step) &&
    Number.isInteger(state.seed) &&
    typeof state.configSha256 === "string" &&
    typeof state.dataSha256 === "string" &&
    typeof state.weightsSha256 === "string" &&
    typeof state.hasBest === "boolean" &&
    typeof state.tokens === "number" &&
    typeof state.computedTokens === "number" &&
    typeof state.seconds === "number" &&
    Array.isArray(state.evals) &&
    Array.isArray(state.steps) &&
    state.steps.length === state.step;
  if (!isWhole) throw new Error("state.json is incomplete or of another version");
  return state as StateFile;
}

function stateBytes({ optimizer, best }: Checkpoint): Generator<Uint8Array> {
  const tensorOf = (name: string, data: Float32Array): TensorData => ({ name, shape: [data.length], data });
  const tensors = VECTORS.map((name) => tensorOf(name, optimizer[name]));
  return encodeSafetensors(best === null ? tensors : [...tensors, tensorOf(BEST, best)]);
}

function* hashing(chunks: Iterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw writeError(folder, cause);
  }
}

function mismatch(folder: string, what: string): GituneError {
  return new GituneError({
    code: "resume.mismatch",
    severity: "error",
    file: folder,
    message: `the checkpoint ${folder} was written with ${what}; going on from it would mix two runs`,
    fix: "undo the change, or train without --resume to start again",
  });
}
