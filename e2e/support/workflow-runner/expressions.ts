/** `${{ }}` as GitHub evaluates it: their own lexer, parser and evaluator, with the functions of a running job. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { minimatch } from "minimatch";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
/** `github`, `env`, `steps` and so on. */
export type Contexts = Readonly<Record<string, Json>>;

/** What `success()` and `hashFiles()` look at. */
export interface Status {
  readonly isFailed: boolean;
  readonly isCancelled: boolean;
  /** Whether a job that is needed was skipped: then this one is too, unless its condition asks for a status itself. */
  readonly isAfterSkipped?: boolean;
  readonly workspace: string;
}

const CONTEXT_NAMES = [
  "github",
  "env",
  "inputs",
  "steps",
  "runner",
  "job",
  "needs",
  "jobs",
  "secrets",
  "vars",
  "matrix",
  "strategy",
];
const STATUS_FUNCTION = /\b(?:success|failure|always|cancelled)\s*\(/i;
/** A string in quotes may hold `}}`. */
const EMBEDDED = /\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}/g;
const WHOLE = /^\s*\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}\s*$/;

/** @param source without `${{` and `}}` */
function evaluate(source: string, contexts: Contexts, status: Status): data.ExpressionData {
  const functions = statusFunctions(status);
  const { tokens } = new Lexer(source).lex();
  const tree = new Parser(tokens, CONTEXT_NAMES, functions).parse();
  const named = new Map(functions.map((definition) => [definition.name.toLowerCase(), definition]));
  return new Evaluator(tree, toData(contexts) as data.Dictionary, named).evaluate();
}

/** A text that is one expression keeps its type; others become text. Lists and maps are walked. */
export function interpolate(value: Json, contexts: Contexts, status: Status): Json {
  if (Array.isArray(value)) return value.map((item: Json) => interpolate(item, contexts, status));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]: [string, Json]) => [name, interpolate(item, contexts, status)]),
    );
  }
  if (typeof value !== "string") return value;
  const whole = WHOLE.exec(value)?.[1];
  if (whole !== undefined) return fromData(evaluate(whole, contexts, status));
  return value.replace(EMBEDDED, (_all, source: string) => evaluate(source, contexts, status).coerceString());
}

/** `if:`, with or without `${{ }}`; `success()` is understood where no status function is called. */
export function isMet(condition: Json | undefined, contexts: Contexts, status: Status): boolean {
  const written = String(condition ?? "success()").trim();
  const source = /^\$\{\{([\s\S]*)\}\}$/.exec(written)?.[1] ?? written;
  const whole = STATUS_FUNCTION.test(source) ? source : `success() && (${source})`;
  // `!!` turns what GitHub holds for true into a boolean.
  return fromData(evaluate(`!(!(${whole}))`, contexts, status)) === true;
}

/** How GitHub writes a value into text. */
export function toText(value: Json | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function statusFunctions({ isFailed, isCancelled, isAfterSkipped = false, workspace }: Status) {
  const boolean = (name: string, value: boolean) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(value),
  });
  return [
    boolean("success", !isFailed && !isCancelled && !isAfterSkipped),
    boolean("failure", isFailed),
    boolean("always", true),
    boolean("cancelled", isCancelled),
    {
      name: "hashFiles",
      minArgs: 1,
      maxArgs: 255,
      call: (...patterns: data.ExpressionData[]) =>
        new data.StringData(
          hashFiles(
            workspace,
            patterns.map((pattern) => pattern.coerceString()),
          ),
        ),
    },
  ];
}

/** Files of the workspace only, as on GitHub; empty where none matches. */
function hashFiles(workspace: string, patterns: readonly string[]): string {
  const files = readdirSync(workspace, { recursive: true, encoding: "utf8" })
    .filter((file) => patterns.some((pattern) => minimatch(file, pattern)))
    .filter((file) => statSync(join(workspace, file)).isFile())
    .sort();
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(
      createHash("sha256")
        .update(readFileSync(join(workspace, file)))
        .digest(),
    );
  }
  return files.length > 0 ? hash.digest("hex") : "";
}

function toData(value: Json): data.ExpressionData {
  return JSON.parse(JSON.stringify(value), data.reviver) as data.ExpressionData;
}

function fromData(value: data.ExpressionData): Json {
  return JSON.parse(JSON.stringify(value, data.replacer) ?? "null") as Json;
}
