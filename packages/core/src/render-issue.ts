/** Issues as text: for a terminal, for programs, for GitHub's annotations, for code scanning. One look each. */
import { printable, printableJson, printableLine } from "./escape.js";
import type { Issue, Severity } from "./issue.js";
import { ISSUE_CODES } from "./issue-codes.js";

/** How issues are shown. */
export type IssueFormat = "text" | "json" | "github" | "sarif";
/** What a piece of the text is; a colour function decides how it looks. */
export type IssuePart = "place" | "pointer" | "code" | Severity | "fix";

export interface RenderOptions {
  /** For `text`. */
  readonly color?: (part: IssuePart, text: string) => string;
  /** For `github`: annotations a severity; 10, since GitHub shows no more of one step. */
  readonly budget?: number;
  /** For `sarif`: the version of gitune. */
  readonly version?: string;
}

/** GitHub shows 10 error and 10 warning annotations a step. */
const ANNOTATION_BUDGET = 10;

/** Renders issues; no trailing newline, and an empty text for no issues (but JSON and SARIF are whole documents). */
export function renderIssues(
  issues: readonly Issue[],
  format: IssueFormat = "text",
  options: RenderOptions = {},
): string {
  return RENDERERS[format](issues, options);
}

const RENDERERS: { readonly [F in IssueFormat]: (issues: readonly Issue[], options: RenderOptions) => string } = {
  text: (issues, { color = (_part, text) => text }) => issues.map((issue) => toText(issue, color)).join("\n"),
  json: (issues) => printableJson({ version: 1, ok: issues.every(({ severity }) => severity !== "error"), issues }),
  github: toGithub,
  sarif: toSarif,
};

function toText(issue: Issue, color: NonNullable<RenderOptions["color"]>): string {
  const head: string[] = [];
  const place = placeOf(issue);
  if (place !== "") head.push(color("place", printableLine(place)));
  if (issue.pointer) head.push(color("pointer", printable(issue.pointer)));
  head.push(color("code", `[${issue.code}]`));
  if (issue.severity !== "error") head.push(color(issue.severity, issue.severity));
  const lines = [
    head.join("  "),
    ...whole(issue)
      .split("\n")
      .map((line) => `  ${printableLine(line)}`),
  ];
  if (issue.fix) lines.push(`  ${color("fix", "fix:")} ${printable(issue.fix)}`);
  return lines.join("\n");
}

/** Two lines of a terminal. */
const MAX_EXPECTED_CHARS = 160;

/** The message, and below it what was expected and found, where the message does not say so itself. */
function whole({ message, expected, found, fix }: Issue): string {
  // A long list of what would do is for those who get no advice.
  const isTooMuch = fix !== undefined && (expected?.length ?? 0) > MAX_EXPECTED_CHARS;
  const parts = [
    ...(expected === undefined || isTooMuch || message.includes(expected) ? [] : [`expected ${expected}`]),
    ...(found === undefined || message.includes(found) ? [] : [`found ${found}`]),
  ];
  return parts.length === 0 ? message : `${message}\n${parts.join("; ")}`;
}

function placeOf({ file, line, column, project }: Issue): string {
  if (file === undefined) return project ?? "";
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** Workflow commands. @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function toGithub(issues: readonly Issue[], { budget = ANNOTATION_BUDGET }: RenderOptions): string {
  const commands: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", note: "notice" };
  const used: Record<Severity, number> = { error: 0, warning: 0, note: 0 };
  const lines: string[] = [];
  for (const issue of issues) {
    used[issue.severity] += 1;
    if (used[issue.severity] > budget) continue;
    const properties = [
      ...(issue.file === undefined ? [] : [`file=${escapeProperty(issue.file)}`]),
      ...(issue.line === undefined ? [] : [`line=${issue.line}`]),
      ...(issue.line === undefined || issue.column === undefined ? [] : [`col=${issue.column}`]),
      `title=${escapeProperty([issue.code, issue.pointer].filter(Boolean).join(" "))}`,
    ];
    const text = issue.fix ? `${whole(issue)}\nfix: ${issue.fix}` : whole(issue);
    lines.push(`::${commands[issue.severity]} ${properties.join(",")}::${escapeData(text)}`);
  }
  for (const severity of ["error", "warning", "note"] as const) {
    const more = used[severity] - budget;
    if (more > 0) lines.push(`and ${more} more ${severity}${more === 1 ? "" : "s"}`);
  }
  return lines.join("\n");
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** SARIF 2.1.0. @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
function toSarif(issues: readonly Issue[], { version }: RenderOptions): string {
  const codes = [...new Set(issues.map(({ code }) => code))].sort();
  const meanings: Readonly<Record<string, string>> = ISSUE_CODES;
  const document = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "gitune",
            ...(version === undefined ? {} : { version }),
            rules: codes.map((id) => ({ id, shortDescription: { text: meanings[id] ?? id } })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: issues.map((issue) => ({
          ruleId: issue.code,
          ruleIndex: codes.indexOf(issue.code),
          level: issue.severity,
          message: { text: issue.fix ? `${whole(issue)}\nfix: ${issue.fix}` : whole(issue) },
          ...(issue.file === undefined ? {} : { locations: [locationOf(issue, issue.file)] }),
          // Rows move between lines: the same trouble of the same row stays one alert.
          ...(issue.row === undefined
            ? {}
            : { partialFingerprints: { "rowKey/v1": `${issue.row} ${issue.pointer ?? ""}` } }),
        })),
      },
    ],
  };
  return printableJson(document);
}

function locationOf({ line, column, pointer }: Issue, file: string): object {
  const region =
    line === undefined ? {} : { region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) } };
  const logical = pointer ? { logicalLocations: [{ fullyQualifiedName: pointer }] } : {};
  return {
    physicalLocation: { artifactLocation: { uri: file.split("/").map(encodeURIComponent).join("/") }, ...region },
    ...logical,
  };
}
