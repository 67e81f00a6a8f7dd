/**
 * What `gitune refresh --json` prints, and what goes from the step that reads the sources to the one that has the token.
 * Both read it as untrusted data: rows of strangers went through what wrote it.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { type DriftMeasure, GituneError, type Verdict } from "@gitune/core";
import { Ajv2020 } from "ajv/dist/2020.js";

export interface RefreshIssue {
  readonly code: string;
  readonly severity: "error" | "warning" | "note";
  readonly message: string;
  readonly fix?: string;
}

export interface RefreshSource {
  readonly name: string;
  readonly type: string;
  readonly status: "unchanged" | "read" | "failed";
  readonly new: number;
  readonly known: number;
  readonly passed_over: number;
  readonly quarantined: number;
  readonly issues: readonly RefreshIssue[];
}

/** How the rows that are proposed for a file are unlike those before; measures as `driftText` of core reads them. */
export interface RefreshDrift {
  readonly sources: readonly string[];
  readonly rows: number;
  readonly rows_before: number;
  readonly measures: readonly (Omit<DriftMeasure, "pValue" | "isDrifted"> & { readonly drifted: boolean })[];
}

export interface RefreshedProject {
  readonly name: string;
  readonly status: "unchanged" | "pending" | "proposed" | "failed";
  readonly branch: string;
  /** 40 or 64 hex digits. */
  readonly commit: string | null;
  readonly verdict: Verdict | null;
  readonly sources: readonly RefreshSource[];
  /** Issue code -> quarantined rows. */
  readonly quarantine: Readonly<Record<string, number>>;
  readonly drift: readonly RefreshDrift[];
  readonly issues: readonly RefreshIssue[];
  /** The report as Markdown, not yet made harmless. */
  readonly run: { readonly exit_code: 0 | 1; readonly comment: string } | null;
}

export interface RefreshDocument {
  readonly version: 1;
  /** contracts.md §2. */
  readonly exit_code: 0 | 1 | 2 | 3;
  readonly projects: readonly RefreshedProject[];
  /** What stopped all of it. */
  readonly issues: readonly RefreshIssue[];
}

/** 200 projects with reports of 40,000 characters. */
const MAX_BYTES = 32 * 2 ** 20;

const text = { type: "string", maxLength: 20_000 } as const;
const name = { type: "string", pattern: "^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$" } as const;
const count = { type: "integer", minimum: 0 } as const;

const amount = { type: "number", minimum: 0 } as const;

const driftSchema = {
  type: "object",
  required: ["sources", "rows", "rows_before", "measures"],
  properties: {
    sources: { type: "array", minItems: 1, maxItems: 200, items: name },
    rows: count,
    rows_before: count,
    measures: {
      type: "array",
      maxItems: 20,
      items: {
        type: "object",
        required: ["measure", "psi", "drifted", "category", "before", "now"],
        properties: {
          measure: { enum: ["prompt_length", "answer_length", "labels", "scripts"] },
          psi: amount,
          drifted: { type: "boolean" },
          category: { type: ["string", "null"], maxLength: 200 },
          before: amount,
          now: amount,
        },
      },
    },
  },
} as const;

const issueSchema = {
  type: "object",
  required: ["code", "severity", "message"],
  properties: {
    code: { type: "string", pattern: "^[a-z0-9.-]{1,60}$" },
    severity: { enum: ["error", "warning", "note"] },
    message: text,
    fix: text,
  },
} as const;
const issues = { type: "array", maxItems: 10_000, items: issueSchema } as const;

const documentSchema = {
  type: "object",
  required: ["version", "exit_code", "projects"],
  properties: {
    version: { const: 1 },
    exit_code: { enum: [0, 1, 2, 3] },
    issues,
    projects: {
      type: "array",
      maxItems: 4096,
      items: {
        type: "object",
        required: ["name", "status", "branch", "commit", "verdict", "sources", "quarantine", "drift", "issues", "run"],
        properties: {
          name,
          status: { enum: ["unchanged", "pending", "proposed", "failed"] },
          branch: { type: "string", maxLength: 200 },
          commit: { type: ["string", "null"], pattern: "^(?:[0-9a-f]{40}|[0-9a-f]{64})$" },
          verdict: { enum: ["pass", "fail", "inconclusive", null] },
          sources: {
            type: "array",
            maxItems: 200,
            items: {
              type: "object",
              required: ["name", "type", "status", "new", "known", "passed_over", "quarantined", "issues"],
              properties: {
                name,
                type: { enum: ["command", "http", "hub", "logs"] },
                status: { enum: ["unchanged", "read", "failed"] },
                new: count,
                known: count,
                passed_over: count,
                quarantined: count,
                issues,
              },
            },
          },
          quarantine: {
            type: "object",
            propertyNames: { pattern: "^[a-z0-9.-]{1,60}$" },
            additionalProperties: count,
          },
          drift: { type: "array", maxItems: 200, items: driftSchema },
          issues,
          run: {
            type: ["object", "null"],
            required: ["exit_code", "comment"],
            properties: { exit_code: { enum: [0, 1] }, comment: { type: "string" } },
          },
        },
      },
    },
  },
} as const;

const failureSchema = {
  type: "object",
  required: ["version", "ok", "issues"],
  properties: { version: { const: 1 }, ok: { const: false }, issues },
} as const;

const ajv = new Ajv2020({ allErrors: false, allowUnionTypes: true });
const isDocument = ajv.compile<RefreshDocument>(documentSchema);
const isFailure = ajv.compile<{ readonly issues: readonly RefreshIssue[] }>(failureSchema);

/**
 * @param exitCode of the process that printed it; null where a signal ended it
 * @returns a document in every case: what cannot be read is a failure of the machine
 */
export function parseRefreshOutput(stdout: string, exitCode: number | null): RefreshDocument {
  const value = parseJson(stdout);
  if (isDocument(value) && branchesAreOurs(value)) return { ...value, issues: value.issues ?? [] };
  const code = exitCode === 1 || exitCode === 2 ? 2 : 3;
  if (isFailure(value)) return { version: 1, exit_code: code, projects: [], issues: value.issues };
  const message = `the refresh ended with ${exitCode === null ? "a signal" : `exit code ${exitCode}`}, and its answer is unreadable`;
  return { version: 1, exit_code: 3, projects: [], issues: [{ code: "action.pipeline", severity: "error", message }] };
}

export function writeRefreshDocument(path: string, document: RefreshDocument): void {
  writeFileSync(path, JSON.stringify(document));
}

/** @throws {GituneError} `action.result` */
export function readRefreshDocument(path: string): RefreshDocument {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const value = size > MAX_BYTES ? undefined : parseJson(readFileSync(path, "utf8"));
  if (isDocument(value) && branchesAreOurs(value)) return value;
  const message = "the result of the refresh's step cannot be read";
  throw new GituneError({ code: "action.result", severity: "error", message }, { exitCode: 3 });
}

/** The only branches that are ever pushed to. */
function branchesAreOurs({ projects }: RefreshDocument): boolean {
  return projects.every(({ name, branch }) => branch === `gitune/refresh-${name}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
