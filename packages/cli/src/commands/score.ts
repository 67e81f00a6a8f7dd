/** `gitune score`: metrics of predictions that came from anywhere. */
import { GituneError, type Issue, type JsonlRow, writeJsonl } from "@gitune/core";
import { metricNames, type PredictionRow, scorePredictions } from "@gitune/eval";
import { isObject, readJsonlFile, shownPath } from "../input-files.js";
import { nameList, pathFrom } from "../options.js";
import { formatInterval, formatScore, textTable } from "../terminal/table.js";
import type { Verb } from "../verb.js";

interface Options {
  readonly metrics?: readonly string[];
  readonly predictions?: string;
  readonly rows?: string;
}

/** The level of the intervals, and the seed of the bootstrap: the same file has the same numbers each time. */
const INTERVALS = { confidence: 0.95, seed: 42 };

export const score: Verb = {
  configure: (command) =>
    command
      .option("--metrics <names>", `parted by commas: ${metricNames.join(", ")}`, nameList)
      .option("--predictions <file.jsonl>", 'a line a row: {"id"?, "prediction", "references": [...]}')
      .option("--rows <file.jsonl>", "where to write each row's scores"),
  examples: [
    ["gitune score --metrics rouge1,rougeL --predictions out.jsonl", "the averages with 95% intervals"],
    [
      "gitune score --metrics exact_match --predictions out.jsonl --rows scores.jsonl --json",
      "the same for a program, and every row's score in a file",
    ],
  ],
  exitCodes: { 0: "scored", 2: "an unknown metric, or a file that cannot be read as predictions", 3: "disk failure" },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const { metrics, predictions } = options;
    if (metrics === undefined || predictions === undefined)
      throw missing(metrics === undefined ? "metrics" : "predictions");
    const lines = await readJsonlFile(context.cwd, predictions, context.signal);
    const rows = toPredictions(lines, shownPath(context.cwd, predictions));
    const scored = scorePredictions({ rows, metrics, ...INTERVALS });
    if (options.rows !== undefined) {
      const scores = scored.rows.map(({ id, ...rest }) => ({ id, ...rest }));
      await writeJsonl(pathFrom(context.cwd, options.rows), scores);
    }

    const table = Object.entries(scored.metrics).map(([name, metric]) => [
      name,
      formatScore(metric.value),
      formatInterval(metric.ci),
      String(metric.n),
      metric.signature,
    ]);
    return {
      exitCode: 0,
      text: textTable(["metric", "value", "95% interval", "rows", "signature"], table, {
        colors: context.colors,
        alignRight: [1, 3],
      }),
      document: { metrics: scored.metrics },
    };
  },
};

/** By hand: commander would ask for a missing option before it names a misspelt one. */
function missing(option: string): GituneError {
  const message = `--${option} is missing`;
  return new GituneError({ code: "cli.usage", severity: "error", message, fix: "see gitune score --help" });
}

/** @throws {GituneError} `row.type`, an issue a line that is no prediction */
function toPredictions(lines: readonly JsonlRow[], file: string): readonly PredictionRow[] {
  const issues: Issue[] = [];
  const rows: PredictionRow[] = [];
  for (const { line, value } of lines) {
    const problem = problemOf(value);
    if (problem) {
      issues.push({ code: "row.type", severity: "error", file, line, message: "not a prediction", ...problem });
      continue;
    }
    const row = value as unknown as { id?: string | number; prediction: string; references: readonly string[] };
    const id = row.id === undefined ? {} : { id: String(row.id) };
    rows.push({ ...id, prediction: row.prediction, references: row.references, file, line });
  }
  if (issues.length > 0) throw new GituneError(issues);
  return rows;
}

function problemOf(value: unknown): Pick<Issue, "pointer" | "expected" | "found"> | undefined {
  if (!isObject(value)) return { pointer: "", expected: "an object", found: kindOf(value) };
  const { id, prediction, references } = value;
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return { pointer: "/id", expected: "a string or a number", found: kindOf(id) };
  }
  if (typeof prediction !== "string")
    return { pointer: "/prediction", expected: "a string", found: kindOf(prediction) };
  if (!Array.isArray(references) || !references.every((reference) => typeof reference === "string")) {
    return { pointer: "/references", expected: "a list of strings", found: kindOf(references) };
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}
