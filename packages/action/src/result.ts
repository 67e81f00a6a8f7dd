/**
 * The document between the two privilege parts: `run` writes it beside the pull request's content, `comment` reads it
 * as untrusted data. Every field is bounded here, since what wrote it may have been taken over.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { GituneError, type Issue, type RuleOutcome, type Verdict } from "@gitune/core";
import { Ajv2020 } from "ajv/dist/2020.js";

const STATUSES = ["unchanged", "changed", "new", "removed", "invalid"] as const;
export type ProjectStatus = (typeof STATUSES)[number];

/** `error`: there is no verdict, because of bad input or a failure that is not the gate's. */
export type ActionVerdict = Verdict | "error";

export interface ActionResult {
  readonly version: 1;
  readonly verdict: ActionVerdict;
  /** The pipeline's, contracts.md §2. */
  readonly exit_code: 0 | 1 | 2 | 3;
  readonly projects: readonly {
    readonly name: string;
    readonly status: ProjectStatus;
    readonly verdict: Verdict;
    /** Folder of the head's adapter on the machine that trained it; null where none was. */
    readonly adapter_path: string | null;
    readonly rules: readonly RuleOutcome[];
  }[];
  /** Of a plan: names of the projects that are still to be run. */
  readonly pending: readonly string[];
  readonly issues: { readonly errors: number; readonly warnings: number; readonly notes: number };
  /** The first of the issues, errors before warnings before notes. */
  readonly annotations: readonly Issue[];
  /** Folder of the report, relative to the workspace; null where there is none. */
  readonly report_path: string | null;
  /** Markdown, not yet made harmless. */
  readonly comment: string;
}

/** A comment holds 65,536 characters and a summary 1 MiB: more than this can be shown nowhere. */
export const MAX_RESULT_COMMENT_CHARS = 2 ** 20;
/** Twenty requests to the Checks API, and more than anybody reads. */
export const MAX_ANNOTATIONS = 1000;
/** GitHub cuts an annotation's message at 64 KB, and a page at less. */
export const MAX_MESSAGE_CHARS = 2000;
/** 256 projects (GitHub's longest matrix) with dozens of rules each, and the comment. */
const MAX_RESULT_BYTES = 16 * 2 ** 20;

const text = { type: "string", maxLength: MAX_MESSAGE_CHARS } as const;
const place = { type: "integer", minimum: 0 } as const;
const name = { type: "string", minLength: 1, maxLength: 200 } as const;
const count = { type: "integer", minimum: 0 } as const;
const verdict = { enum: ["pass", "fail", "inconclusive"] } as const;
const probability = { type: ["number", "null"], minimum: 0, maximum: 1 } as const;

const resultSchema = {
  type: "object",
  additionalProperties: false,
  required: [
    "version",
    "verdict",
    "exit_code",
    "projects",
    "pending",
    "issues",
    "annotations",
    "report_path",
    "comment",
  ],
  properties: {
    version: { const: 1 },
    verdict: { enum: ["pass", "fail", "inconclusive", "error"] },
    exit_code: { enum: [0, 1, 2, 3] },
    projects: {
      type: "array",
      maxItems: 4096,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "status", "verdict", "adapter_path", "rules"],
        properties: {
          name,
          status: { enum: STATUSES },
          verdict,
          adapter_path: { type: ["string", "null"], maxLength: 1000 },
          rules: {
            type: "array",
            maxItems: 1024,
            items: {
              type: "object",
              additionalProperties: false,
              required: ["suite", "metric", "base", "head", "delta", "ci", "p", "adjusted_p", "verdict"],
              properties: {
                suite: name,
                metric: name,
                slice: name,
                base: { type: "number" },
                head: { type: "number" },
                delta: { type: "number" },
                ci: { type: "array", items: { type: "number" }, minItems: 2, maxItems: 2 },
                p: probability,
                adjusted_p: probability,
                verdict,
                need_rows: { type: "number", minimum: 0 },
              },
            },
          },
        },
      },
    },
    issues: {
      type: "object",
      additionalProperties: false,
      required: ["errors", "warnings", "notes"],
      properties: { errors: count, warnings: count, notes: count },
    },
    pending: { type: "array", maxItems: 4096, items: name },
    annotations: {
      type: "array",
      maxItems: MAX_ANNOTATIONS,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["code", "severity", "message"],
        properties: {
          code: { type: "string", pattern: "^[a-z0-9.-]{1,100}$" },
          severity: { enum: ["error", "warning", "note"] },
          project: text,
          file: text,
          line: place,
          column: place,
          row: text,
          pointer: text,
          message: text,
          fix: text,
        },
      },
    },
    report_path: { type: ["string", "null"], maxLength: 1000 },
    comment: { type: "string", maxLength: MAX_RESULT_COMMENT_CHARS },
  },
} as const;

const isActionResult = new Ajv2020({ allowUnionTypes: true }).compile<ActionResult>(resultSchema);

export function isProjectStatus(text: unknown): text is ProjectStatus {
  return STATUSES.some((known) => known === text);
}

export function writeResult(path: string, result: ActionResult): void {
  writeFileSync(path, JSON.stringify(result));
}

/** @throws {GituneError} `action.result` when the file is not a result document */
export function readResult(path: string): ActionResult {
  const value = parseBounded(path);
  if (isActionResult(value)) return value;
  const [error] = isActionResult.errors ?? [];
  throw unreadable(`${error?.instancePath || "/"} ${error?.message ?? "has another shape"}`);
}

function parseBounded(path: string): unknown {
  let sizeBytes: number;
  try {
    sizeBytes = statSync(path).size;
  } catch (cause) {
    throw unreadable("the file is not there", cause);
  }
  if (sizeBytes > MAX_RESULT_BYTES) throw unreadable(`${sizeBytes} bytes are more than ${MAX_RESULT_BYTES}`);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw unreadable("it is not JSON", cause);
  }
}

function unreadable(reason: string, cause?: unknown): GituneError {
  const message = `the result of the pipeline's step cannot be read: ${reason}`;
  return new GituneError({ code: "action.result", severity: "error", message }, { exitCode: 3, cause });
}
