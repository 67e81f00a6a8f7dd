/** From how the pipeline's process ended and what it printed to one result; pure. */
import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { Issue, RuleOutcome } from "@gitune/core";
import { fitToLimit } from "./comment/fit-to-limit.js";
import { fenced } from "./comment/neutralize.js";
import { type PipelineDocument, parsePipelineOutput, type ValidationDocument } from "./pipeline-document.js";
import { type ActionResult, isProjectStatus, MAX_RESULT_COMMENT_CHARS } from "./result.js";
import type { PipelineRun } from "./run-pipeline.js";

export interface Judgement {
  /** Without counts and annotations, which follow from `issues`. */
  readonly result: Omit<ActionResult, "issues" | "annotations">;
  readonly issues: readonly Issue[];
}

const TOO_LONG = "> [!NOTE]\n> The report is too long to show. All of it is in `.gitune/report/report.md`.";

/**
 * @param workspace absolute
 * @param reportDir where reports are unless the document says otherwise; relative to the workspace
 */
export function judge(run: PipelineRun, workspace: string, reportDir: string): Judgement {
  if (run.isOverflowing) return broken(3, [failure("the pipeline printed more than it may; it was stopped")]);
  if (run.exitCode === null) return broken(3, [failure(`the pipeline was ended by ${run.signal ?? "a signal"}`)]);
  const code = run.exitCode;
  const output = parsePipelineOutput(run.stdout);
  if (output.kind === "unreadable") {
    return broken(3, [
      failure(`the pipeline ended with exit code ${code}, and its answer is unreadable: ${output.reason}`),
    ]);
  }
  if (output.kind === "failure") {
    // A check may say no before there is anything to compare: that is a verdict.
    if (code === 1) return refused(output.document.issues);
    return broken(code === 2 ? 2 : 3, output.document.issues);
  }
  if (output.kind === "validation") return checked(code, output.document);
  const { document } = output;
  const issues = issuesOf(document);
  if (code !== 0 && code !== 1) return broken(code === 2 ? 2 : 3, issues);
  // Where the two disagree, the stricter one counts.
  const verdict = code === 1 ? "fail" : document.verdict;
  return {
    issues,
    result: {
      version: 1,
      verdict,
      exit_code: verdict === "fail" ? 1 : 0,
      projects: document.projects.map(({ name, status, verdict, adapters, comparison }) => ({
        name,
        status: isProjectStatus(status) ? status : "changed",
        verdict,
        adapter_path: adapters?.head?.path ?? null,
        rules: (comparison?.rules ?? []).map(pickRule),
      })),
      pending: document.pending ?? [],
      report_path: reportDirOf(document, workspace) ?? reportDir,
      comment: fitToLimit(document.comment, MAX_RESULT_COMMENT_CHARS, TOO_LONG),
    },
  };
}

/** @returns undefined where the document names no folder inside the workspace */
function reportDirOf(document: PipelineDocument, workspace: string): string | undefined {
  if (!document.report) return undefined;
  const dir = relative(workspace, resolve(workspace, dirname(document.report.markdown)));
  return dir === "" || dir.startsWith("..") || isAbsolute(dir) ? undefined : dir.replaceAll("\\", "/");
}

function issuesOf(document: PipelineDocument): readonly Issue[] {
  const all = [
    ...(document.issues ?? []),
    ...document.projects.flatMap(({ name, issues = [] }) => issues.map((issue) => ({ project: name, ...issue }))),
  ];
  // The document may say a project's issue in both places.
  const identity = (issue: Issue) => JSON.stringify([issue.code, issue.file, issue.line, issue.pointer, issue.message]);
  return [...new Map(all.map((issue) => [identity(issue), issue])).values()];
}

/** Only the fields of the contract: what else is there is not passed on. */
function pickRule(rule: RuleOutcome): RuleOutcome {
  const { suite, metric, slice, base, head, delta, ci, p, adjusted_p, verdict, need_rows } = rule;
  return {
    suite,
    metric,
    ...(slice === undefined ? {} : { slice }),
    base,
    head,
    delta,
    ci,
    p: p ?? null,
    adjusted_p: adjusted_p ?? null,
    verdict,
    ...(need_rows === undefined ? {} : { need_rows }),
  };
}

/** The checks alone: their verdict is the exit code's. */
function checked(code: number, { projects }: ValidationDocument): Judgement {
  const issues = projects.flatMap(({ name, issues }) => issues.map((issue) => ({ project: name, ...issue })));
  if (code === 1) return refused(issues);
  if (code !== 0) return broken(code === 2 ? 2 : 3, issues);
  const comment = ["## ✅ gitune: the checks pass", ...(issues.length > 0 ? ["", listed(issues)] : [])].join("\n");
  return { issues, result: { ...EMPTY, verdict: "pass", exit_code: 0, comment } };
}

function refused(issues: readonly Issue[]): Judgement {
  const comment = ["## ❌ gitune: a check says no", "", listed(issues)].join("\n");
  return { issues, result: { ...EMPTY, verdict: "fail", exit_code: 1, comment } };
}

/** No verdict: 2 for bad input, 3 for a failure of the machine or of gitune. */
export function broken(exitCode: 2 | 3, issues: readonly Issue[]): Judgement {
  const why = exitCode === 2 ? "the input or the config is wrong" : "the machine, the network or gitune itself failed";
  const comment = [
    "## 🛑 gitune: no verdict",
    "",
    `This is not the gate: ${why}, so nothing was compared.`,
    "",
    listed(issues),
  ].join("\n");
  return { issues, result: { ...EMPTY, verdict: "error", exit_code: exitCode, comment } };
}

const EMPTY = { version: 1, projects: [], pending: [], report_path: null } as const;
/** More would push the rest of the conversation away; annotations and the log have them. */
const MAX_LISTED = 20;

/** As a code block: an issue's text may hold anything that a row holds. */
function listed(issues: readonly Issue[]): string {
  const lines = issues.slice(0, MAX_LISTED).map((issue) => {
    const place = [issue.file, issue.line].filter((part) => part !== undefined).join(":");
    const fix = issue.fix === undefined ? "" : `\n  fix: ${issue.fix}`;
    return `${place === "" ? "" : `${place}  `}[${issue.code}] ${issue.message}${fix}`;
  });
  if (issues.length > MAX_LISTED) lines.push(`and ${issues.length - MAX_LISTED} more`);
  return fenced(lines.join("\n").slice(0, 20_000));
}

function failure(message: string): Issue {
  return { code: "action.pipeline", severity: "error", message, fix: "read the log of this step" };
}
