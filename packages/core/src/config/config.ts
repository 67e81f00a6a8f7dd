/**
 * A project's config with every default applied (`resolveConfig`). What people write is `WrittenConfig`,
 * all optional but for the name, the data and the base; its JSON Schema is `schemas/gitune.schema.json`.
 */
import type { GenerationOptions } from "../generation.js";
import type { Severity } from "../issue.js";
import type { RefreshConfig } from "./refresh.js";

/** How a row says what it teaches. */
export type DataFormat = "messages" | "prompt-completion" | "alpaca" | "sharegpt" | "text" | "preference";

export interface DataConfig {
  readonly format: DataFormat;
  /** The format's own field -> the column that holds it. */
  readonly columns: Readonly<Record<string, string>>;
  /** Path of a JSON Schema, relative to the project's folder. */
  readonly schema: string | null;
  /** The key column; null keys rows by content hash. */
  readonly id: string | null;
  /** Globs relative to the project's folder, at least one a split. */
  readonly splits: Readonly<Record<string, readonly string[]>>;
  readonly mix: readonly { readonly project: string; readonly weight: number }[];
}

/** What a check's finding is worth; `off` does not look. */
export type CheckLevel = "off" | Severity;
/** A check's level and its own options. */
export interface CheckConfig {
  readonly level: CheckLevel;
  readonly [option: string]: string | number | boolean | readonly string[];
}

/** `all-linear` is every linear layer but the head. */
export interface LoraTechnique {
  readonly type: "lora";
  /** Rank, >= 1. */
  readonly r: number;
  readonly alpha: number;
  /** [0, 1). */
  readonly dropout: number;
  readonly targets: readonly string[] | "all-linear";
  /** Scale by alpha / sqrt(r) in place of alpha / r (Kalajdzievski 2023). */
  readonly rslora: boolean;
}
/** Trains every weight; how the small base was pretrained. */
export interface FullTechnique {
  readonly type: "full";
}
/** What is trained, and how it is kept. */
export type Technique = LoraTechnique | FullTechnique;

/** Where the engine runs; `auto` is the best that the machine has. */
export type Device = "auto" | "cpu" | "cuda" | "webgpu" | "tfjs-node-gpu" | "tfjs-node" | "tfjs";
/** What happens to a row longer than `max_length`. */
export type Overflow = "error" | "truncate" | "drop";
/** A program that a run's curves are written for. */
export type Reporter = "tensorboard";
/** The learning rate's way over the steps, after the warmup. */
export type Schedule = "constant" | "linear" | "cosine";

export interface TrainConfig {
  /** Hub id, folder (relative to the repository's root, or `./` to the project's) or .gguf file. */
  readonly base: string;
  /** 40 hex digits; null for a local base. */
  readonly revision: string | null;
  readonly engine: "native" | "peft";
  readonly compute: "f32" | "int8";
  /** Frozen weights are read from their file in every pass; no packed copy of them is made. */
  readonly mmap: boolean;
  readonly device: Device;
  readonly technique: Technique;
  readonly epochs: number;
  /** Optimizer steps; null means `epochs` decides. */
  readonly maxSteps: number | null;
  /** Sequences per optimizer step. */
  readonly batchSize: number;
  /** Sequences per pass; divides batchSize. */
  readonly microBatchSize: number;
  /** Tokens. */
  readonly maxLength: number;
  readonly overflow: Overflow;
  readonly packing: boolean;
  readonly learningRate: number;
  readonly schedule: Schedule;
  /** Share of the steps, [0, 1). */
  readonly warmupRatio: number;
  readonly weightDecay: number;
  /** Clips the gradient's global L2 norm; 0 turns clipping off. */
  readonly maxGradNorm: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  readonly seed: number;
  /** Optimizer steps between checkpoints; 0 writes none. */
  readonly checkpointSteps: number;
  /** Optimizer steps between validation losses; 0 takes none, null takes one an epoch. The last step always has one. */
  readonly evalSteps: number | null;
  /** Null trains to the end. */
  readonly earlyStopping: EarlyStopping | null;
  /** The adapter is the state of the lowest validation loss, not of the last step. */
  readonly loadBestModelAtEnd: boolean;
  /** Five steps in a row whose loss is this many times the running median stop the run; 0 never does. */
  readonly lossSpikeFactor: number;
  readonly reportTo: readonly Reporter[];
}

/** Ends a run whose validation loss no longer falls. */
export interface EarlyStopping {
  /** Validation losses in a row without a new best, >= 1. */
  readonly patience: number;
  /** A new best is lower by more than this, >= 0, in nats. */
  readonly minDelta: number;
}

export interface SuiteConfig {
  readonly name: string;
  /** Path relative to the project's folder. */
  readonly data: string;
  readonly metrics: readonly string[];
  /** But for the seed, which is the recipe's. */
  readonly generation: Required<Omit<GenerationOptions, "seed">>;
}

/** Exactly one of maxRegression, min and max. */
export interface GateRule {
  readonly suite: string;
  readonly metric: string;
  /** A tag of the suite's rows; null means all rows. */
  readonly slice: string | null;
  /** Non-inferiority margin, absolute, >= 0: how much worse than base the head may be. */
  readonly maxRegression: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

export interface GateConfig {
  /** (0.5, 1): the level of every interval. */
  readonly confidence: number;
  /** What an inconclusive rule does to the exit code: `allow` is 0 with a warning, `block` is 1. */
  readonly inconclusive: "allow" | "block";
  readonly rules: readonly GateRule[];
}

/** Where the adapter goes. */
export interface PublishConfig {
  /** A Hub repository: owner/name. */
  readonly hub: string;
  /** Who may see it; decides only when the repository is made. */
  readonly private: boolean;
  /** Where others find the base, where `train.base` is a path: a Hub id and its commit, both or neither. */
  readonly base: string | null;
  readonly revision: string | null;
}

/** A project's config, every default in its place. */
export interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string | null;
  readonly language: readonly string[];
  readonly description: string;
  readonly data: DataConfig;
  readonly checks: Readonly<Record<string, CheckConfig>>;
  readonly train: TrainConfig;
  readonly evals: readonly SuiteConfig[];
  readonly gate: GateConfig;
  readonly publish: PublishConfig | null;
  readonly refresh: RefreshConfig | null;
}

/** A project found on disk. */
export interface Project {
  readonly config: Config;
  /** Absolute path of the repository's root. */
  readonly root: string;
  /** The project's folder, relative to `root`, forward slashes. */
  readonly dir: string;
  /** The config file, relative to `root`. */
  readonly configFile: string;
}
