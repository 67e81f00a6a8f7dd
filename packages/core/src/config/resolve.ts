/** Defaults, applied: what is written stays, 0 included. */
import type { CheckConfig, Config, GateRule, SuiteConfig, Technique, TrainConfig } from "./config.js";
import { resolveRefresh } from "./refresh.js";
import type {
  WrittenCheck,
  WrittenConfig,
  WrittenGateRule,
  WrittenSuite,
  WrittenTechnique,
  WrittenTrain,
} from "./written.js";

/** The checks that run where a config names none. Every other one is off. */
const DEFAULT_CHECKS: Readonly<Record<string, WrittenCheck>> = {
  duplicates: "error",
  contamination: "error",
  tokens: "error",
};

/** A written config with every default in its place. Pure; the config is taken as valid (`readConfig` checks it). */
export function resolveConfig(written: WrittenConfig): Config {
  const { data, gate, publish, refresh } = written;
  return {
    name: written.name,
    version: written.version ?? "0.1.0",
    license: written.license ?? null,
    language: listOf(written.language ?? []),
    description: written.description ?? "",
    data: {
      format: data.format,
      columns: data.columns ?? {},
      schema: data.schema ?? null,
      id: data.id ?? null,
      splits: Object.fromEntries(Object.entries(data.splits).map(([split, globs]) => [split, listOf(globs)])),
      mix: data.mix ?? [],
    },
    checks: resolveChecks({ ...DEFAULT_CHECKS, ...written.checks }),
    train: resolveTrain(written.train),
    evals: (written.evals ?? []).map(resolveSuite),
    gate: {
      confidence: gate?.confidence ?? 0.95,
      inconclusive: gate?.inconclusive ?? "allow",
      rules: (gate?.rules ?? []).map(resolveRule),
    },
    publish: publish
      ? {
          hub: publish.hub,
          private: publish.private ?? true,
          base: publish.base ?? null,
          revision: publish.revision ?? null,
        }
      : null,
    refresh: refresh ? resolveRefresh(refresh, data.format) : null,
  };
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

function resolveChecks(checks: Readonly<Record<string, WrittenCheck>>): Readonly<Record<string, CheckConfig>> {
  return Object.fromEntries(
    Object.entries(checks).map(([rule, check]) => [rule, typeof check === "string" ? { level: check } : check]),
  );
}

function resolveTrain(written: WrittenTrain): TrainConfig {
  const batchSize = written.batch_size ?? 8;
  return {
    base: written.base,
    revision: written.revision ?? null,
    engine: written.engine ?? "native",
    compute: written.compute ?? "f32",
    mmap: written.mmap ?? false,
    device: written.device ?? "auto",
    technique: resolveTechnique(written.technique ?? { type: "lora" }),
    epochs: written.epochs ?? 3,
    maxSteps: written.max_steps ?? null,
    batchSize,
    microBatchSize: written.micro_batch_size ?? defaultMicroBatch(batchSize),
    maxLength: written.max_length ?? 512,
    overflow: written.overflow ?? "error",
    packing: written.packing ?? false,
    learningRate: written.learning_rate ?? 1e-4,
    schedule: written.schedule ?? "cosine",
    warmupRatio: written.warmup_ratio ?? 0.03,
    weightDecay: written.weight_decay ?? 0,
    maxGradNorm: written.max_grad_norm ?? 1,
    adamBeta1: written.adam_beta1 ?? 0.9,
    adamBeta2: written.adam_beta2 ?? 0.999,
    adamEpsilon: written.adam_epsilon ?? 1e-8,
    seed: written.seed ?? 42,
    checkpointSteps: written.checkpoint_steps ?? 50,
    evalSteps: written.eval_steps ?? null,
    earlyStopping: written.early_stopping
      ? { patience: written.early_stopping.patience ?? 3, minDelta: written.early_stopping.min_delta ?? 0 }
      : null,
    // Who stops because it gets no better wants what was best.
    loadBestModelAtEnd: written.load_best_model_at_end ?? written.early_stopping !== undefined,
    lossSpikeFactor: written.loss_spike_factor ?? 2,
    reportTo: written.report_to ?? [],
  };
}

/** The largest divisor of the batch up to 8, so that a default never breaks "micro_batch_size divides batch_size". */
function defaultMicroBatch(batchSize: number): number {
  for (let size = Math.min(8, batchSize); size > 1; size -= 1) if (batchSize % size === 0) return size;
  return 1;
}

function resolveTechnique(written: WrittenTechnique): Technique {
  if (written.type === "full") return { type: "full" };
  return {
    type: "lora",
    r: written.r ?? 8,
    alpha: written.alpha ?? 16,
    dropout: written.dropout ?? 0,
    targets: written.targets ?? ["q_proj", "v_proj"],
    rslora: written.rslora ?? false,
  };
}

function resolveSuite(written: WrittenSuite): SuiteConfig {
  return {
    name: written.name,
    data: written.data,
    metrics: written.metrics,
    generation: {
      maxNewTokens: written.generation?.max_new_tokens ?? 64,
      temperature: written.generation?.temperature ?? 0,
      topP: written.generation?.top_p ?? 1,
      topK: written.generation?.top_k ?? 0,
      repetitionPenalty: written.generation?.repetition_penalty ?? 1,
      stop: listOf(written.generation?.stop ?? []),
    },
  };
}

function resolveRule(written: WrittenGateRule): GateRule {
  return {
    suite: written.suite,
    metric: written.metric,
    slice: written.slice ?? null,
    maxRegression: written.max_regression ?? null,
    min: written.min ?? null,
    max: written.max ?? null,
  };
}
