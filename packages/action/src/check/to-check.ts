/** What a check run says of a result; pure. */
import type { Issue, Severity } from "@gitune/core";
import { isInsideRepository, messageOf } from "../annotate.js";
import { fitToLimit } from "../comment/fit-to-limit.js";
import { neutralizeReport } from "../comment/neutralize.js";
import type { ActionResult } from "../result.js";
import type { CheckAnnotation, CheckConclusion, CheckOutput } from "./post-check.js";

/** GitHub takes 65,535 characters; counted in bytes, so never too many. */
const MAX_SUMMARY_BYTES = 65_000;
const MAX_TITLE_CHARS = 255;
const LEVELS: Readonly<Record<Severity, CheckAnnotation["annotation_level"]>> = {
  error: "failure",
  warning: "warning",
  note: "notice",
};

/** A gate that says no, bad input and a failing machine are three things; none of them may look like success. */
export function conclusionOf({ verdict, exit_code: code }: ActionResult): CheckConclusion {
  if (verdict === "pass") return "success";
  if (verdict === "inconclusive") return "neutral";
  if (verdict === "fail") return "failure";
  return code === 2 ? "action_required" : "cancelled";
}

/** @param runUrl where the whole report is */
export function checkOutputOf(result: ActionResult, runUrl: string): CheckOutput {
  return {
    title: titleOf(result).slice(0, MAX_TITLE_CHARS),
    summary: checkSummary(result.comment, runUrl),
    annotations: result.annotations.flatMap((issue) => annotationOf(issue) ?? []),
  };
}

/** @param report Markdown, not trusted  @returns as much of it as a check takes */
export function checkSummary(report: string, runUrl: string): string {
  const notice = `> [!NOTE]\n> The report is too long for a check. All of it is in the [summary of the run](${runUrl}).`;
  const bytes = (text: string) => Buffer.byteLength(text, "utf8");
  return fitToLimit(neutralizeReport(report), MAX_SUMMARY_BYTES, notice, bytes);
}

function titleOf({ verdict, exit_code: code, projects }: ActionResult): string {
  if (verdict === "error") return code === 2 ? "Bad input: no verdict" : "Could not run: no verdict";
  const changed = projects.filter(({ status }) => status !== "unchanged");
  if (changed.length === 0) return verdict === "fail" ? "A check says no" : "No project changed";
  const named = changed.filter((project) => verdict === "pass" || project.verdict !== "pass");
  return `${verdict}: ${named.map(({ name }) => name).join(", ")}`;
}

/** @returns undefined for an issue of no line: the summary has it */
function annotationOf(issue: Issue): CheckAnnotation | undefined {
  const { file, line, column, severity, code } = issue;
  if (file === undefined || file === "" || !isInsideRepository(file)) return undefined;
  const at = line === undefined || line < 1 ? 1 : line;
  return {
    path: file,
    start_line: at,
    end_line: at,
    ...(column === undefined || column < 1 ? {} : { start_column: column, end_column: column }),
    annotation_level: LEVELS[severity],
    title: `gitune ${code}`,
    message: messageOf(issue),
  };
}
