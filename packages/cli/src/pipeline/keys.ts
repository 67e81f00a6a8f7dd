/** What a result depends on, and so the key it is stored under (contracts.md §7). Pure. */
import {
  cacheKey,
  canonicalJson,
  type EvalRow,
  type Project,
  type Row,
  type SuiteConfig,
  sha256Hex,
  type TrainConfig,
} from "@gitune/core";

/** The facts of a base model that change what comes out of it. */
export interface BaseFacts {
  /** Of the weights and all that is read beside them. */
  readonly sha256: string;
  readonly templateSha256: string;
}

/** Engine version and device class: `engineEnvironment` of @gitune/train. */
export type Environment = Readonly<Record<string, string>>;

/**
 * The key of a trained adapter. Where the base lies and which device was asked for do not count, what they
 * resolve to does. Nor do checkpoints, logs and the watch for spikes: they change no byte.
 */
export function trainKey(parts: {
  readonly rows: readonly Row[];
  /** Those whose loss is taken while training; none where the recipe takes none. */
  readonly validation: readonly Row[];
  readonly config: TrainConfig;
  readonly base: BaseFacts;
  readonly environment: Environment;
}): string {
  return cacheKey({
    part: "train",
    rows: hashesOf(parts.rows),
    validation: hashesOf(parts.validation),
    recipe: recipeOf(parts.config),
    template: parts.base.templateSha256,
    weights: parts.base.sha256,
    environment: parts.environment,
    // The adapter's own config names its base, so its bytes depend on the name, too.
    base: [parts.config.base, parts.config.revision],
  });
}

/** The key of one suite's result. The gate's rules are no part of it: a changed rule evaluates nothing again. */
export function evalKey(parts: {
  readonly suite: SuiteConfig;
  readonly rows: readonly EvalRow[];
  readonly confidence: number;
  readonly seed: number;
  readonly adapterSha256: string | null;
  readonly base: BaseFacts;
  readonly environment: Environment;
}): string {
  const { data: _data, ...suite } = parts.suite;
  return cacheKey({
    part: "eval",
    suite,
    rows: suiteData(parts.rows),
    confidence: parts.confidence,
    seed: parts.seed,
    adapter: parts.adapterSha256,
    template: parts.base.templateSha256,
    weights: parts.base.sha256,
    environment: parts.environment,
  });
}

/**
 * All of a project's state that its results depend on, base model aside: where two states agree on it, there is
 * nothing to train, to evaluate or to gate.
 */
export function projectFingerprint(
  project: Project,
  { rows, validation }: { readonly rows: readonly Row[]; readonly validation: readonly Row[] },
  suites: readonly { readonly suite: SuiteConfig; readonly rows: readonly EvalRow[] }[],
): string {
  const { train, gate } = project.config;
  return cacheKey({
    train: { ...recipeOf(train), base: train.base, revision: train.revision },
    rows: hashesOf(rows),
    validation: hashesOf(validation),
    suites: suites.map(({ suite, rows }) => ({ suite, data: suiteSha256(rows) })),
    gate,
  });
}

/** sha256 (hex) of a suite's rows: what they say, not where they stand. */
export function suiteSha256(rows: readonly EvalRow[]): string {
  return sha256Hex(canonicalJson(suiteData(rows)));
}

function suiteData(rows: readonly EvalRow[]): readonly object[] {
  return rows.map(({ file: _file, line: _line, ...row }) => row);
}

function hashesOf(rows: readonly Row[]): readonly string[] {
  return rows.map(({ hash }) => hash);
}

/** What of a recipe changes the bytes of an adapter, its base aside. */
export function recipeOf(config: TrainConfig): object {
  const {
    base: _base,
    revision: _revision,
    device: _device,
    checkpointSteps: _checkpoints,
    lossSpikeFactor: _spikes,
    reportTo: _reporters,
    ...recipe
  } = config;
  return recipe;
}
