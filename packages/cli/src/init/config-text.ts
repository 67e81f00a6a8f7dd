/** A new project's `gitune.yaml`. */
import type { DataFormat, WrittenConfig } from "@gitune/core";
import { stringify } from "yaml";
import type { BaseChoice } from "./base-choice.js";
import type { SuiteRow } from "./divide-rows.js";

/** Where the schema lies, seen from `datasets/<name>/`. */
export const SCHEMA_FILE = "datasets/gitune.schema.json";

export interface NewProject {
  readonly name: string;
  readonly description: string;
  readonly format: DataFormat;
  readonly columns: Readonly<Record<string, string>>;
  /** Split -> file, relative to the project's folder. */
  readonly splits: Readonly<Record<string, string>>;
  readonly suiteFile: string;
  readonly suite: readonly SuiteRow[];
  readonly trainRows: number;
  /** Tokens of the longest row; 0 where nobody counted. */
  readonly longest: number;
  /** Some rows seem to hold secrets or personal data. */
  readonly isSensitive: boolean;
  readonly base: BaseChoice;
}

/** Above this, one epoch is long enough on two cores. */
const MANY_ROWS = 2_000;
const MIN_LENGTH = 64;

/** The config of a new project, with everything that people change first written out. */
export function newConfig(project: NewProject): WrittenConfig {
  const { name, description, format, columns, splits, suite, suiteFile, trainRows, longest, isSensitive, base } =
    project;
  const { metric, margin, maxNewTokens } = measureOf(suite);
  const isCounted = base.tokens !== null;
  return {
    name,
    version: "0.1.0",
    description,
    data: { format, ...(Object.keys(columns).length > 0 ? { columns } : {}), splits },
    checks: {
      duplicates: "error",
      contamination: "error",
      secrets: "warning",
      ...(isSensitive ? { pii: "warning" } : {}),
      tokens: isCounted ? "error" : "warning",
    },
    train: {
      base: base.base,
      ...(base.revision === null ? {} : { revision: base.revision }),
      technique: { type: "lora", r: 8, alpha: 16, targets: "all-linear" },
      epochs: trainRows > MANY_ROWS ? 1 : 3,
      batch_size: 8,
      max_length: isCounted ? Math.min(base.tokens?.max ?? 0, roundUp(longest)) : 1024,
      overflow: isCounted ? "error" : "truncate",
      learning_rate: 1e-3,
    },
    evals: [{ name: "first", data: suiteFile, metrics: [metric], generation: { max_new_tokens: maxNewTokens } }],
    gate: { rules: [{ suite: "first", metric, max_regression: margin }] },
  };
}

/** To a power of two: room for rows to come. */
function roundUp(tokens: number): number {
  let length = MIN_LENGTH;
  while (length < tokens) length *= 2;
  return length;
}

/** How answers are measured: labels by whether they are right, Latin text by its words, other text by its characters. */
function measureOf(suite: readonly SuiteRow[]): { metric: string; margin: number; maxNewTokens: number } {
  if (suite.some(({ label }) => label !== undefined)) return { metric: "accuracy", margin: 0.03, maxNewTokens: 8 };
  const text = suite.flatMap(({ references }) => references ?? []).join(" ");
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/[a-z]/gi)?.length ?? 0;
  // ROUGE sees nothing but a-z and 0-9.
  return latin * 2 > letters || letters === 0
    ? { metric: "rougeL", margin: 0.02, maxNewTokens: 64 }
    : { metric: "chrF", margin: 2, maxNewTokens: 64 };
}

/** With the line that editors look for. */
export function configText(project: NewProject): string {
  const { name, ...config } = newConfig(project);
  return `# yaml-language-server: $schema=../gitune.schema.json\n${stringify({ name, ...config }, { lineWidth: 0 })}`;
}
