/** What `gitune release prepare --json` prints, as untrusted data, and the pull request made of it. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { escapeMarkdown, GituneError } from "@gitune/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { fitToLimit, MAX_COMMENT_CHARS } from "../comment/fit-to-limit.js";
import { neutralizeMarkdown } from "../comment/neutralize.js";
import { commitMark } from "./proposal.js";

export interface VersionDocument {
  readonly version: 1;
  readonly status: "unchanged" | "pending" | "prepared" | "held";
  readonly branch: typeof RELEASE_BRANCH;
  readonly commit: string | null;
  readonly versions: readonly {
    readonly project: string;
    readonly from: string;
    readonly to: string;
    readonly kind: "major" | "minor" | "patch";
    readonly lines: readonly string[];
  }[];
}

export const RELEASE_BRANCH = "gitune/release";
const MAX_BYTES = 4 * 2 ** 20;

const version = { type: "string", pattern: "^[0-9A-Za-z.+-]{1,100}$" } as const;

const isDocument = new Ajv2020({ allowUnionTypes: true }).compile<VersionDocument>({
  type: "object",
  required: ["version", "status", "branch", "commit", "versions"],
  properties: {
    version: { const: 1 },
    status: { enum: ["unchanged", "pending", "prepared", "held"] },
    branch: { const: RELEASE_BRANCH },
    commit: { type: ["string", "null"], pattern: "^(?:[0-9a-f]{40}|[0-9a-f]{64})$" },
    versions: {
      type: "array",
      maxItems: 4096,
      items: {
        type: "object",
        required: ["project", "from", "to", "kind", "lines"],
        properties: {
          project: { type: "string", pattern: "^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$" },
          from: version,
          to: version,
          kind: { enum: ["major", "minor", "patch"] },
          lines: { type: "array", maxItems: 1000, items: { type: "string", maxLength: 2000 } },
        },
      },
    },
  },
});

export function writeVersionOutput(path: string, stdout: string): void {
  writeFileSync(path, stdout);
}

/** @throws {GituneError} `action.result` */
export function readVersionDocument(path: string): VersionDocument {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let value: unknown;
  try {
    value = size > MAX_BYTES ? null : JSON.parse(readFileSync(path, "utf8"));
  } catch {
    value = null;
  }
  if (isDocument(value)) return value;
  const message = "the next versions could not be prepared: read the log of the step before";
  throw new GituneError({ code: "action.result", severity: "error", message }, { exitCode: 3 });
}

/** @returns at most `MAX_COMMENT_CHARS` characters */
export function renderVersions({ versions, commit }: VersionDocument, runUrl: string): string {
  const tags = versions.map(({ project, to }) => `${project}@${to}`).join(" ");
  const head = "<!-- gitune:release -->\n";
  const parts = versions.flatMap(({ project, from, to, kind, lines }) => [
    `### \`${project}\` ${from} → ${to} (${kind})`,
    "",
    // Backticks are ours: names of keys and splits.
    ...lines.map((line) => `- ${line.split("`").map(escapeMarkdown).join("`")}`),
    "",
  ]);
  const tail = `\n\nAfter the merge, tags release them: \`${tags.slice(0, 5000)}\`.\n\n<sub>${commitMark(commit ?? "")} · [Run](${runUrl}) · made anew as the default branch moves; once somebody commits to this branch, it is left to them</sub>\n`;
  const body = neutralizeMarkdown(parts.join("\n")).trimEnd();
  const room = MAX_COMMENT_CHARS - head.length - tail.length;
  return `${head}${fitToLimit(body, room, "More is in the changelogs.")}${tail}`;
}
