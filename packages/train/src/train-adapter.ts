/** A project's rows in, an adapter folder out. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type Device,
  GituneError,
  hashFile,
  type IssueCode,
  type Project,
  type Row,
  type TrainConfig,
} from "@gitune/core";
import { adapterSha256, writePeftAdapter } from "./adapter/peft.js";
import type { Base } from "./base.js";
import { type EncodedRows, type EncodeStats, encodeRows } from "./data/encoded-rows.js";
import { defaultThreads, deviceClass, ENGINE_VERSION, engineSettings, resolveDevice } from "./device.js";
import { EngineThread } from "./engine/client.js";
import type { TrainSpec } from "./engine/train-engine.js";
import type { TrainableTensor, TrainProgram } from "./loop/program.js";
import { runTraining, type TrainingOptions, type TrainingResult } from "./loop/train.js";
import { llamaLinears } from "./models/llama/tensors.js";
import { selectTargets } from "./tuners/lora/tuner.js";
import { writeSafetensors } from "./weights/safetensors.js";

export interface TrainAdapterOptions
  extends Pick<TrainingOptions, "maxSteps" | "onProgress" | "onResume" | "onWarning" | "signal"> {
  readonly project: Project;
  readonly base: Base;
  readonly rows: AsyncIterable<Row> | Iterable<Row>;
  /** Rows whose loss is taken while training goes on; not asked for where the recipe takes none. */
  readonly validation?: AsyncIterable<Row> | Iterable<Row>;
  /** The adapter's folder; checkpoints live in it while training goes on. */
  readonly out: string;
  /** Goes on from the newest checkpoint in `out`. */
  readonly resume?: boolean;
  readonly threads?: number;
  /** In place of the recipe's own device. */
  readonly device?: Device;
}

export interface TrainAdapterResult {
  readonly adapterDir: string;
  /** Of the weights file. */
  readonly adapterSha256: string;
  readonly steps: number;
  /** Of each step, nats a label token. */
  readonly losses: readonly number[];
  /** Of each step. */
  readonly learningRates: readonly number[];
  /** In the order they were taken. */
  readonly validation: readonly ValidationLoss[];
  /** The step whose state the adapter is; less than `steps` only with `load_best_model_at_end`. */
  readonly keptStep: number;
  /** Whether early stopping ended the run. */
  readonly isStoppedEarly: boolean;
  /** Padding left out. */
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly rows: { readonly used: number; readonly cut: number; readonly dropped: number };
  readonly trainableParameters: number;
}

/** The loss of the validation split after some steps. */
export interface ValidationLoss {
  /** Optimizer steps done. */
  readonly step: number;
  /** Nats a label token. */
  readonly loss: number;
}

/** What every result depends on besides rows, recipe and base. */
export function engineEnvironment(device: Device): Readonly<Record<string, string>> {
  return { engine: ENGINE_VERSION, device: deviceClass(device) };
}

/**
 * Trains by the project's recipe.
 * @throws GituneError `lora.rank`, `lora.targets`, `base.weights`, `row.*`, `train.*`, `disk.full` … with their exit codes
 */
export async function trainAdapter(options: TrainAdapterOptions): Promise<TrainAdapterResult> {
  const { project, base, out, signal } = options;
  const recipe = project.config.train;
  const device = options.device ?? recipe.device;
  checkRecipe(recipe, device, base, project);
  const threads = options.threads ?? defaultThreads();
  const encode = (rows: AsyncIterable<Row> | Iterable<Row>) =>
    encodeRows(rows, base.tokenizer, recipe, { threads, cacheDir: tokensCache(project.root) });
  const encoded = await encode(options.rows);
  const validation = options.validation && recipe.evalSteps !== 0 ? await encode(options.validation) : null;
  const longestLane = Math.max(longestRow(encoded), validation ? longestRow(validation) : 0);
  const program = await openProgram(recipe, base, threads, device, longestLane);
  try {
    const result = await runTraining({
      program,
      encoded,
      validation,
      recipe,
      out,
      resume: options.resume ?? false,
      fingerprint: JSON.stringify({ base: base.sha256, template: base.templateSha256, ...engineEnvironment(device) }),
      ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      ...(options.onResume ? { onResume: options.onResume } : {}),
      ...(options.onWarning ? { onWarning: options.onWarning } : {}),
      ...(signal ? { signal } : {}),
    });
    const sha256 = await writeResult(out, recipe, base, program.tensors, result);
    return describe(out, sha256, result, encoded.stats, program.size);
  } finally {
    await program.close();
  }
}

function describe(
  adapterDir: string,
  sha256: string,
  result: TrainingResult,
  stats: EncodeStats,
  size: number,
): TrainAdapterResult {
  const { steps, losses, records, evals, keptStep, isStoppedEarly, tokens, seconds, tokensPerSecond } = result;
  const rows = { used: stats.rows, cut: stats.cut, dropped: stats.dropped };
  return {
    adapterDir,
    adapterSha256: sha256,
    steps,
    losses,
    learningRates: records.map(({ learningRate }) => learningRate),
    validation: evals.map(({ step, loss }) => ({ step, loss })),
    keptStep,
    isStoppedEarly,
    tokens,
    seconds,
    tokensPerSecond,
    rows,
    trainableParameters: size,
  };
}

/** Tokens; lanes are as long as their longest row. */
function longestRow(rows: EncodedRows): number {
  let longest = 0;
  for (let index = 0; index < rows.length; index++) longest = Math.max(longest, rows.rowLength(index));
  return longest;
}

/** Where a repository keeps the token ids of rows. @param root absolute */
function tokensCache(root: string): string {
  return join(root, ".gitune", "tokens");
}

/** What can be known to be wrong before anything is loaded. */
function checkRecipe(recipe: TrainConfig, device: Device, base: Base, { configFile }: Project): void {
  const fail = (code: IssueCode, pointer: string, message: string, found: string, fix: string): never => {
    throw new GituneError({ code, severity: "error", file: configFile, pointer, message, found, fix });
  };
  const { technique, maxLength, engine, compute } = recipe;
  if (engine !== "native")
    fail(
      "config.unsupported",
      "/train/engine",
      "this engine is not available yet",
      engine,
      "set train.engine to native",
    );
  if (compute === "int8" && (technique.type !== "lora" || resolveDevice(device) !== "cpu"))
    fail(
      "config.unsupported",
      "/train/compute",
      "8-bit products are there for frozen layers on the CPU",
      `${technique.type} on ${resolveDevice(device)}`,
      "set train.compute to f32, or use technique lora and device cpu",
    );
  if (maxLength > base.config.maxPositions) {
    fail(
      "config.max-length",
      "/train/max_length",
      `the base reads ${base.config.maxPositions} tokens at most`,
      String(maxLength),
      `set train.max_length to ${base.config.maxPositions} or less`,
    );
  }
  if (technique.type === "lora") {
    if (!base.spec.weights)
      fail(
        "base.weights",
        "/train/base",
        "the base has no weights",
        base.id,
        "put model.safetensors beside its config.json",
      );
    selectTargets(llamaLinears(base.config), technique);
  }
}

async function openProgram(
  recipe: TrainConfig,
  base: Base,
  threads: number,
  device: Device,
  longestLane: number,
): Promise<TrainProgram> {
  const thread = new EngineThread(await engineSettings(device, threads));
  const spec: TrainSpec = {
    base: base.spec,
    technique: recipe.technique,
    optimizer: {
      beta1: recipe.adamBeta1,
      beta2: recipe.adamBeta2,
      epsilon: recipe.adamEpsilon,
      weightDecay: recipe.weightDecay,
      maxGradNorm: recipe.maxGradNorm,
    },
    fromScratch: base.spec.weights === null,
    mmap: recipe.mmap,
    longestLane,
    ...(recipe.compute === "int8" ? { int8: { baseSha256: base.sha256, cacheDir: base.cacheDir } } : {}),
  };
  const { tensors, size } = await thread.call("openTrain", [spec]);
  return {
    tensors,
    size,
    initialize: (seed) => thread.call("initialize", [seed]),
    step: (state, batches, learningRate) => thread.call("step", [state, batches, learningRate]),
    loss: (theta, batch) => thread.call("loss", [theta, batch]),
    close: () => thread.close(),
  };
}

/** @returns the sha256 of the weights file */
async function writeResult(
  out: string,
  recipe: TrainConfig,
  base: Base,
  specs: readonly TrainableTensor[],
  { theta }: TrainingResult,
): Promise<string> {
  const tensors = specs.map(({ name, shape, offset, size }) => ({
    name,
    shape,
    data: theta.subarray(offset, offset + size),
  }));
  const { technique } = recipe;
  if (technique.type === "lora") {
    const targets = [
      ...new Set(selectTargets(llamaLinears(base.config), technique).map(({ module }) => module.split(".").at(-1)!)),
    ];
    await writePeftAdapter(out, {
      tensors,
      technique,
      baseId: base.id,
      revision: base.revision,
      targets,
      taskType: "CAUSAL_LM",
    });
    return adapterSha256(out);
  }
  // Full training makes a model folder: the base's own files, and the new weights in the base's storage type.
  await mkdir(out, { recursive: true });
  await base.copyModelFiles(out);
  const path = join(out, "model.safetensors");
  await writeSafetensors(
    path,
    tensors.map((tensor) => ({ ...tensor, dtype: "BF16" as const })),
    { format: "pt" },
  );
  return hashFile(path);
}
