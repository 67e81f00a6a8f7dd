/**
 * What `gitune publish --json` prints, and the file made of it for the step that makes the GitHub release. Both are read
 * as untrusted data, with every field bounded.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { GituneError, type Issue, type Verdict } from "@gitune/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { issueSchema, parsePipelineOutput } from "../pipeline-document.js";
import type { PipelineRun } from "../run-pipeline.js";

export interface ReleaseDocument {
  readonly version: 1;
  readonly status: "published" | "already" | "dry-run";
  readonly tag: string;
  /** In git. */
  readonly commit: string;
  readonly verdict: Verdict;
  /** The release that it was compared with; null for the bare base. */
  readonly compared_with: string | null;
  /** Its folder, from the repository's root. */
  readonly adapter: { readonly path: string; readonly sha256: string };
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
  readonly hub: { readonly repository: string; readonly url: string; readonly commit: string | null };
  /** Of a dry run: what would change on the Hub. */
  readonly plan: {
    readonly repository: "there" | "create";
    readonly files: readonly { readonly path: string; readonly change: "add" | "update" | "same" | "remove" }[];
  } | null;
  /** The version's part of the project's changelog, in Markdown. */
  readonly changelog: string | null;
  /** None of them stops the release. */
  readonly issues: readonly Issue[];
}

/** A release with its report (Markdown, not yet made harmless), as one step hands it to another. */
export interface HandedRelease extends ReleaseDocument {
  readonly report_text: string;
}

/** A report has 60,000 characters at most, and a GitHub release 125,000. */
export const MAX_REPORT_CHARS = 125_000;
/** Twice the longest report and changelog, escaped. */
const MAX_BYTES = 2 ** 20;

const path = { type: "string", pattern: "^[A-Za-z0-9._@+/-]{1,400}$" } as const;
const sha256 = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const commit = { type: "string", pattern: "^(?:[0-9a-f]{40}|[0-9a-f]{64})$" } as const;
/** `<project>@<version>`. */
const tag = { type: "string", pattern: "^[a-z0-9][a-z0-9._-]{0,99}@[0-9A-Za-z.+-]{1,100}$" } as const;
const count = { type: "integer", minimum: 0 } as const;

const releaseSchema = {
  type: "object",
  required: [
    "version",
    "status",
    "tag",
    "commit",
    "verdict",
    "compared_with",
    "adapter",
    "files",
    "hub",
    "plan",
    "changelog",
    "issues",
  ],
  properties: {
    version: { const: 1 },
    status: { enum: ["published", "already", "dry-run"] },
    tag,
    commit,
    verdict: { enum: ["pass", "fail", "inconclusive"] },
    compared_with: { anyOf: [tag, { type: "null" }] },
    adapter: { type: "object", required: ["path", "sha256"], properties: { path, sha256 } },
    files: {
      type: "array",
      maxItems: 100,
      items: { type: "object", required: ["path", "size", "sha256"], properties: { path, size: count, sha256 } },
    },
    hub: {
      type: "object",
      required: ["repository", "url", "commit"],
      properties: {
        repository: { type: "string", pattern: "^[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}$" },
        url: { type: "string", pattern: "^https?://[A-Za-z0-9.:/_-]{1,400}$" },
        commit: { anyOf: [commit, { type: "null" }] },
      },
    },
    plan: {
      type: ["object", "null"],
      required: ["repository", "files"],
      properties: {
        repository: { enum: ["there", "create"] },
        files: {
          type: "array",
          maxItems: 1000,
          items: {
            type: "object",
            required: ["path", "change"],
            properties: {
              path: { type: "string", maxLength: 400 },
              change: { enum: ["add", "update", "same", "remove"] },
            },
          },
        },
      },
    },
    changelog: { type: ["string", "null"], maxLength: 200_000 },
    issues: { type: "array", maxItems: 1000, items: issueSchema },
  },
} as const;

const ajv = new Ajv2020({ allErrors: false, allowUnionTypes: true });
const isRelease = ajv.compile<ReleaseDocument>(releaseSchema);
const isHanded = ajv.compile<HandedRelease>({
  ...releaseSchema,
  required: [...releaseSchema.required, "report_text"],
  properties: { ...releaseSchema.properties, report_text: { type: "string", maxLength: MAX_REPORT_CHARS } },
});

export type PublishAnswer =
  | { readonly kind: "done"; readonly document: ReleaseDocument }
  /** 1: a check or the gate says no; 2: tag, version or config; 3: Hub, network or machine. */
  | { readonly kind: "refused"; readonly exitCode: 1 | 2 | 3; readonly issues: readonly Issue[] };

/** How `gitune publish` ended; never throws, since an unreadable answer is an outcome of its own. */
export function parsePublishOutput({ exitCode, signal, stdout, isOverflowing }: PipelineRun): PublishAnswer {
  const value = isOverflowing ? undefined : parseJson(stdout);
  if (exitCode === 0 && isRelease(value)) return { kind: "done", document: value };
  const output = parsePipelineOutput(stdout);
  if (output.kind === "failure" && !isOverflowing && exitCode !== null && exitCode !== 0) {
    const code = exitCode === 1 || exitCode === 2 ? exitCode : 3;
    return { kind: "refused", exitCode: code, issues: output.document.issues };
  }
  const end = exitCode === null ? `by ${signal ?? "a signal"}` : `with exit code ${exitCode}`;
  const message = `gitune publish ended ${end}, and its answer is unreadable`;
  const issue: Issue = { code: "action.pipeline", severity: "error", message, fix: "read the log of this step" };
  return { kind: "refused", exitCode: 3, issues: [issue] };
}

export function writeRelease(file: string, release: HandedRelease): void {
  writeFileSync(file, JSON.stringify(release));
}

/** @throws {GituneError} `action.result` where the file is no such document */
export function readRelease(file: string): HandedRelease {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const value = size === 0 || size > MAX_BYTES ? undefined : parseJson(readFileSync(file, "utf8"));
  if (isHanded(value)) return value;
  const message = "the result of the step that publishes cannot be read";
  throw new GituneError({ code: "action.result", severity: "error", message }, { exitCode: 3 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
