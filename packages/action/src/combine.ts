/** The results of a plan and of its legs as one; pure. What a leg says of a project that it was not given is dropped. */
import { escapeMarkdown, type Issue } from "@gitune/core";
import { boundIssues, countIssues } from "./bound-issues.js";
import { fitToLimit } from "./comment/fit-to-limit.js";
import { fenced } from "./comment/neutralize.js";
import { type ActionResult, type ActionVerdict, MAX_RESULT_COMMENT_CHARS } from "./result.js";
import { VERDICT_WORDS } from "./verdict-words.js";

/** A definite no is one whatever else happened; else what could not be run is not to be taken for a yes. */
const ORDER: readonly ActionVerdict[] = ["fail", "error", "inconclusive", "pass"];
/** More would hide the reports below. */
const MAX_TABLE_ROWS = 100;
const TOO_LONG = "> [!NOTE]\n> The report is too long to show. The run's artifacts have all of it.";

type ProjectResult = ActionResult["projects"][number];

/** What one job of the plan left. */
export interface LegResult {
  readonly result: ActionResult;
  /** Names of the projects that it was given; empty where that is not known. */
  readonly given: readonly string[];
}

/**
 * @param plan null where the plan's job left no result
 * @param reasons name of a project -> what became of its job, where something is known
 */
export function combine(
  plan: ActionResult | null,
  legs: readonly LegResult[],
  reasons: ReadonlyMap<string, string> = new Map(),
): ActionResult {
  if (plan === null) return lost(["The plan's job left no result."]);
  if (plan.verdict === "error") return plan;

  const open = new Set(plan.pending);
  const parts = legs.map(({ result }) => ({
    ...result,
    projects: result.projects.filter(({ name }) => open.delete(name)),
  }));
  // A job that could not run says why itself.
  for (const { result, given } of legs) if (result.verdict === "error") for (const name of given) open.delete(name);
  const all = [plan, ...parts];
  const missing = [...open].map((name) => `${name}: ${reasons.get(name) ?? "its job left no result"}.`);
  const gone = missing.length > 0 ? [lost(missing)] : [];
  const whole = [...all, ...gone];
  const projects = all.flatMap((part) => part.projects);
  const verdict = ORDER.find((one) => whole.some((part) => part.verdict === one)) ?? "pass";
  return {
    version: 1,
    verdict,
    exit_code: verdict === "fail" ? 1 : verdict === "error" ? errorCode(whole) : 0,
    projects,
    pending: [],
    issues: sumCounts(whole),
    annotations: boundIssues(whole.flatMap((part) => part.annotations)),
    report_path: null,
    comment: fitToLimit(commentOf(verdict, plan, whole, projects), MAX_RESULT_COMMENT_CHARS, TOO_LONG),
  };
}

/** Parts of which something is to be said. */
function hasNews({ verdict, projects }: ActionResult): boolean {
  return verdict === "error" || projects.some(({ status }) => status !== "unchanged");
}

function commentOf(
  verdict: ActionVerdict,
  plan: ActionResult,
  parts: readonly ActionResult[],
  projects: readonly ProjectResult[],
): string {
  const shown = parts.filter(hasNews);
  const [only] = shown;
  if (!only) return plan.comment;
  if (shown.length === 1) return only.comment;
  const worstFirst = ORDER.flatMap((one) => shown.filter((part) => part.verdict === one));
  const changed = projects.filter(({ status }) => status !== "unchanged");
  const rows = ORDER.flatMap((one) => changed.filter((project) => project.verdict === one))
    .slice(0, MAX_TABLE_ROWS)
    .map(({ name, verdict, status }) => `| ${escapeMarkdown(name)} | ${VERDICT_WORDS[verdict]} | ${status} |`);
  const more = changed.length > MAX_TABLE_ROWS ? [`| and ${changed.length - MAX_TABLE_ROWS} more | | |`] : [];
  const table = ["| project | verdict | |", "|---|---|---|", ...rows, ...more].join("\n");
  return [`## gitune: ${VERDICT_WORDS[verdict]}`, table, ...worstFirst.map(({ comment }) => comment)].join("\n\n");
}

function errorCode(parts: readonly ActionResult[]): 2 | 3 {
  return parts.some(({ exit_code: code }) => code === 3) ? 3 : 2;
}

function sumCounts(parts: readonly ActionResult[]): ActionResult["issues"] {
  const sum = (level: keyof ActionResult["issues"]) => parts.reduce((total, part) => total + part.issues[level], 0);
  return { errors: sum("errors"), warnings: sum("warnings"), notes: sum("notes") };
}

/** Of jobs that were cancelled, or whose machine went away. */
export function lost(messages: readonly string[]): ActionResult {
  const issues = messages.map(
    (message): Issue => ({
      code: "action.pipeline",
      severity: "error",
      message,
      fix: "read the log of that job; run the failed jobs again, finished work is kept",
    }),
  );
  return {
    version: 1,
    verdict: "error",
    exit_code: 3,
    projects: [],
    pending: [],
    issues: countIssues(issues),
    annotations: boundIssues(issues),
    report_path: null,
    comment: [
      "## 🛑 gitune: no verdict",
      "",
      "This is not the gate: the machine, the network or gitune itself failed.",
      "",
      fenced(messages.slice(0, MAX_TABLE_ROWS).join("\n")),
    ].join("\n"),
  };
}
