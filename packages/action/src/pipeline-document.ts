/** What `gitune run`, `plan` and `validate` print with --json, as far as the action reads it. One schema each. */
import type { Issue, RuleOutcome, Verdict } from "@gitune/core";
import { Ajv2020 } from "ajv/dist/2020.js";

export interface PipelineDocument {
  readonly version: 1;
  readonly verdict: Verdict;
  readonly projects: readonly {
    readonly name: string;
    /** `unchanged`, `changed`, `new`, `removed` or `invalid`. */
    readonly status?: string;
    readonly verdict: Verdict;
    readonly adapters?: { readonly head?: { readonly path: string } | null };
    readonly comparison?: { readonly rules: readonly RuleOutcome[] } | null;
    readonly issues?: readonly Issue[];
  }[];
  /** Of a plan: names of the projects that are still to be run. */
  readonly pending?: readonly string[];
  /** Paths of what was written. */
  readonly report?: { readonly markdown: string } | null;
  /** Markdown. */
  readonly comment: string;
  readonly issues?: readonly Issue[];
}

/** What `--json` prints in place of it when the pipeline could not come to a verdict. */
export interface FailureDocument {
  readonly version: 1;
  readonly ok: false;
  readonly issues: readonly Issue[];
}

/** What `gitune validate --json` prints. */
export interface ValidationDocument {
  readonly version: 1;
  readonly ok: boolean;
  readonly projects: readonly { readonly name: string; readonly issues: readonly Issue[] }[];
}

const text = { type: "string" } as const;
const number = { type: "number" } as const;
const verdict = { enum: ["pass", "fail", "inconclusive"] } as const;

/** An issue as the command line prints it. */
export const issueSchema = {
  type: "object",
  required: ["code", "severity", "message"],
  properties: {
    code: text,
    severity: { enum: ["error", "warning", "note"] },
    project: text,
    file: text,
    line: { type: "integer", minimum: 0 },
    column: { type: "integer", minimum: 0 },
    row: text,
    pointer: text,
    message: text,
    expected: text,
    found: text,
    fix: text,
  },
} as const;

const ruleSchema = {
  type: "object",
  required: ["suite", "metric", "base", "head", "delta", "ci", "verdict"],
  properties: {
    suite: text,
    metric: text,
    slice: text,
    base: number,
    head: number,
    delta: number,
    ci: { type: "array", items: number, minItems: 2, maxItems: 2 },
    p: { type: ["number", "null"] },
    adjusted_p: { type: ["number", "null"] },
    verdict,
    need_rows: number,
  },
} as const;

const pipelineSchema = {
  type: "object",
  required: ["version", "verdict", "projects", "comment"],
  properties: {
    version: { const: 1 },
    verdict,
    comment: text,
    pending: { type: "array", items: text },
    report: { type: ["object", "null"], required: ["markdown"], properties: { markdown: text } },
    issues: { type: "array", items: issueSchema },
    projects: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "verdict"],
        properties: {
          name: text,
          status: text,
          verdict,
          adapters: {
            type: "object",
            properties: { head: { type: ["object", "null"], required: ["path"], properties: { path: text } } },
          },
          comparison: {
            type: ["object", "null"],
            required: ["rules"],
            properties: { rules: { type: "array", items: ruleSchema } },
          },
          issues: { type: "array", items: issueSchema },
        },
      },
    },
  },
} as const;

const failureSchema = {
  type: "object",
  required: ["version", "ok", "issues"],
  properties: { version: { const: 1 }, ok: { const: false }, issues: { type: "array", items: issueSchema } },
} as const;

const validationSchema = {
  type: "object",
  required: ["version", "ok", "projects"],
  properties: {
    version: { const: 1 },
    ok: { type: "boolean" },
    projects: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "issues"],
        properties: { name: text, issues: { type: "array", items: issueSchema } },
      },
    },
  },
} as const;

const ajv = new Ajv2020({ allErrors: false, allowUnionTypes: true });
const isPipelineDocument = ajv.compile<PipelineDocument>(pipelineSchema);
const isValidationDocument = ajv.compile<ValidationDocument>(validationSchema);
const isFailureDocument = ajv.compile<FailureDocument>(failureSchema);

export type ParsedOutput =
  | { readonly kind: "pipeline"; readonly document: PipelineDocument }
  | { readonly kind: "validation"; readonly document: ValidationDocument }
  | { readonly kind: "failure"; readonly document: FailureDocument }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads the child's stdout. Never throws: an unreadable answer is an outcome of its own. */
export function parsePipelineOutput(stdout: string): ParsedOutput {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    const found = stdout.trim() === "" ? "nothing" : `${stdout.length} characters that are not JSON`;
    return { kind: "unreadable", reason: `expected one JSON document on stdout; found ${found}` };
  }
  if (isPipelineDocument(value)) return { kind: "pipeline", document: value };
  // Taken before the other checks, which would overwrite it.
  const [error] = isPipelineDocument.errors ?? [];
  if (isValidationDocument(value)) return { kind: "validation", document: value };
  if (isFailureDocument(value)) return { kind: "failure", document: value };
  return { kind: "unreadable", reason: `${error?.instancePath || "/"} ${error?.message ?? "has another shape"}` };
}
