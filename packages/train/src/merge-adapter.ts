/** An adapter and its base as one model folder, kept only if it says what the two say. */
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { type Device, errnoOf, GituneError, hashFile, writeFileAtomic } from "@gitune/core";
import { type Base, readWeights } from "./base.js";
import { createRandom } from "./data/random.js";
import { type BaseSpec, readFrozen } from "./engine/base-spec.js";
import type { ModelSpec } from "./engine/model-spec.js";
import { llamaLinears } from "./models/llama/tensors.js";
import { openScorer, type ScorerOptions } from "./scorer.js";
import { type LoraSpec, readAdapter } from "./trained.js";
import { loraScale, loraTuner } from "./tuners/lora/tuner.js";
import { f32ToBf16 } from "./weights/dtype.js";
import { safetensorsHead } from "./weights/safetensors.js";

export interface MergeOptions {
  readonly base: Base;
  /** A PEFT adapter's folder. */
  readonly adapter: string;
  /** The new model's folder: absent or empty. */
  readonly out: string;
  /** How weights are stored: as the base stores them (F16 becomes F32), or all in F32. */
  readonly store?: "as-base" | "f32";
  /** The largest error of a logit, relative to the largest logit of its position; 1e-3 by default. */
  readonly tolerance?: number;
  readonly threads?: number;
  readonly device?: Device;
}

export interface MergeResult {
  readonly folder: string;
  /** Of the weights file. */
  readonly sha256: string;
  /** The largest error found, as `tolerance` counts it. */
  readonly error: number;
}

/** Ten times what merging in F32 costs a model of 30 layers; BF16 costs ten times this. */
const DEFAULT_TOLERANCE = 1e-3;
/** Rows of the proof: random ids reach every part of the model, and depend on no language. */
const PROBE_ROWS = 4;
const PROBE_TOKENS = 64;
const PROBE_SEED = 1;

/**
 * Writes W + scale · B A in place of each target's W, and the base's other files beside it (Hu et al. 2021 §4.1). Then runs
 * the merged model and the adapter on its base over the same rows: where their logits differ by more than the tolerance,
 * nothing is left behind.
 * @throws {GituneError} `merge.differs` (exit code 1); `merge.out`, `base.weights`, `adapter.*` (exit code 2)
 */
export async function mergeAdapter(options: MergeOptions): Promise<MergeResult> {
  const { base, adapter, out, store = "as-base", tolerance = DEFAULT_TOLERANCE, ...engine } = options;
  if (!base.spec.weights) throw noWeights(base.id);
  const unmerged = { base: base.spec, adapter: await readAdapter(adapter, base) };
  await claimFolder(out);
  const work = `${out}.${process.pid}.tmp`;
  try {
    await mkdir(work, { recursive: true });
    await base.copyModelFiles(work);
    const file = join(work, "model.safetensors");
    await writeFileAtomic(file, mergedFile(unmerged, store));
    const merged = { base: { ...base.spec, weights: await readWeights(work, base.config, out) }, adapter: null };
    const error = await largestError(unmerged, merged, engine);
    // Written so that NaN is refused too.
    if (!(error <= tolerance)) throw differs(adapter, error, tolerance, store);
    const sha256 = await hashFile(file);
    await rename(work, out);
    return { folder: out, sha256, error };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The file's bytes: every tensor of the base, the targets with their update added. One tensor is in memory at a time. */
function* mergedFile(
  { base, adapter }: { readonly base: BaseSpec; readonly adapter: LoraSpec },
  store: NonNullable<MergeOptions["store"]>,
): Generator<Uint8Array> {
  const { technique, theta } = adapter;
  const { tensors } = loraTuner(llamaLinears(base.config), technique);
  const parts = new Map(tensors.map(({ name, offset, size }) => [name, theta.subarray(offset, offset + size)]));
  const scale = loraScale(technique);
  const { head, order } = safetensorsHead(
    Object.entries(base.weights ?? {}).map(([name, { shape, dtype }]) => ({
      name,
      shape,
      dtype: store === "as-base" && dtype === "bf16" ? ("BF16" as const) : ("F32" as const),
    })),
    { format: "pt" },
  );
  yield head;
  for (const { name, dtype } of order) {
    const weight = readFrozen(base, name);
    const module = name.replace(/\.weight$/, "");
    const [a, b] = [parts.get(`${module}.lora_A.weight`), parts.get(`${module}.lora_B.weight`)];
    if (a && b) addUpdate(weight, a, b, technique.r, scale);
    const stored = dtype === "BF16" ? f32ToBf16(weight) : weight;
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

/** In place: weight [out, in] += scale · b [out, r] a [r, in], each sum in float64. */
function addUpdate(weight: Float32Array, a: Float32Array, b: Float32Array, r: number, scale: number): void {
  const dIn = a.length / r;
  const row = new Float64Array(dIn);
  for (let o = 0; o < b.length / r; o++) {
    row.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = scale * b[o * r + k]!;
      for (let i = 0; i < dIn; i++) row[i] = row[i]! + factor * a[k * dIn + i]!;
    }
    for (let i = 0; i < dIn; i++) weight[o * dIn + i] = weight[o * dIn + i]! + row[i]!;
  }
}

/** Over every logit of the probe rows: |merged - unmerged| by the largest |unmerged| of its position. */
async function largestError(unmerged: ModelSpec, merged: ModelSpec, engine: EngineOptions): Promise<number> {
  const { vocabSize, maxPositions } = unmerged.base.config;
  const random = createRandom(PROBE_SEED);
  const rows = Array.from({ length: PROBE_ROWS }, () =>
    Int32Array.from({ length: Math.min(PROBE_TOKENS, maxPositions) }, () => random.uint32() % vocabSize),
  );
  const [before, after] = [await logitsOf(unmerged, rows, engine), await logitsOf(merged, rows, engine)];
  let error = 0;
  for (const [i, expected] of before.entries()) {
    for (let at = 0; at < expected.length; at += vocabSize) {
      const [x, y] = [expected, after[i]!].map((logits) => logits.subarray(at, at + vocabSize)) as [
        Float32Array,
        Float32Array,
      ];
      const largest = x.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
      const difference = x.reduce((most, logit, v) => Math.max(most, Math.abs(logit - y[v]!)), 0);
      // Math.max keeps a NaN.
      error = Math.max(error, difference / largest);
    }
  }
  return error;
}

async function logitsOf(model: ModelSpec, rows: readonly Int32Array[], engine: EngineOptions): Promise<Float32Array[]> {
  const scorer = await openScorer(model, engine);
  try {
    const out = [];
    for (const row of rows) out.push(await scorer.logits(row));
    return out;
  } finally {
    await scorer.close();
  }
}

type EngineOptions = Pick<ScorerOptions, "threads" | "device">;

/** An empty folder is in the way of the rename, so it goes; one with files is somebody's. */
async function claimFolder(out: string): Promise<void> {
  try {
    const files = await readdir(out);
    if (files.length > 0) {
      throw new GituneError({
        code: "merge.out",
        severity: "error",
        file: out,
        message: `${out} is not empty`,
        found: files.slice(0, 3).join(", "),
        fix: "give a folder that does not exist yet",
      });
    }
    await rmdir(out);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

function noWeights(base: string): GituneError {
  return new GituneError({
    code: "base.weights",
    severity: "error",
    message: `${base} has no weights`,
    expected: "model.safetensors beside config.json",
  });
}

function differs(adapter: string, error: number, tolerance: number, store: MergeOptions["store"]): GituneError {
  return new GituneError(
    {
      code: "merge.differs",
      severity: "error",
      file: adapter,
      message: "the merged model does not say what the adapter on its base says, so it was not kept",
      expected: `logits within ${tolerance} of each position's largest`,
      found: error.toExponential(1),
      fix:
        store === "f32"
          ? "use the adapter unmerged: its base and its update differ too much in size to be added in float32"
          : "store the merged weights in float32, or allow a larger tolerance: the base's storage type rounds the update away",
    },
    { exitCode: 1 },
  );
}
