/** Issues as annotations on the pull request's lines, within GitHub's budget. */
import * as core from "@actions/core";
import { type Issue, printable, type Severity } from "@gitune/core";
import { MAX_MESSAGE_CHARS } from "./result.js";

/**
 * GitHub shows ten of each level a step and drops the rest without a word. One of each is kept for the step's own
 * message.
 * @see https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations
 */
export const ANNOTATIONS_PER_LEVEL = 9;

const SHOW: Readonly<Record<Severity, typeof core.error>> = {
  error: core.error,
  warning: core.warning,
  note: core.notice,
};

/** Shows the first issues of each level where they are; `@actions/core` escapes what rows put into them. */
export function annotate(issues: readonly Issue[]): void {
  const seen: Record<Severity, number> = { error: 0, warning: 0, note: 0 };
  for (const issue of issues) {
    seen[issue.severity] += 1;
    if (seen[issue.severity] > ANNOTATIONS_PER_LEVEL) continue;
    SHOW[issue.severity](messageOf(issue), propertiesOf(issue));
  }
  const hidden = Object.values(seen).reduce((sum, n) => sum + Math.max(0, n - ANNOTATIONS_PER_LEVEL), 0);
  if (hidden > 0) core.info(`${hidden} more ${hidden === 1 ? "issue is" : "issues are"} in the job summary.`);
}

/** What is wrong, and where in the row. */
export function messageOf(issue: Issue): string {
  const where = [issue.project, issue.row === undefined ? undefined : `row ${issue.row}`, issue.pointer];
  const place = where.filter((part) => part !== undefined && part !== "").join(" ");
  const lines = [place === "" ? issue.message : `${place}: ${issue.message}`];
  if (issue.fix !== undefined) lines.push(`fix: ${issue.fix}`);
  return lines
    .flatMap((line) => line.split(/\r\n|[\r\n]/))
    .map(printable)
    .join("\n")
    .slice(0, MAX_MESSAGE_CHARS);
}

function propertiesOf(issue: Issue): core.AnnotationProperties {
  const title = `gitune ${issue.code}`;
  if (issue.file === undefined || !isInsideRepository(issue.file)) return { title };
  return {
    title,
    file: issue.file,
    ...(issue.line === undefined || issue.line < 1 ? {} : { startLine: issue.line }),
    ...(issue.column === undefined || issue.column < 1 ? {} : { startColumn: issue.column }),
  };
}

/** An annotation elsewhere is an error to GitHub. */
export function isInsideRepository(file: string): boolean {
  return !file.startsWith("/") && !/^[A-Za-z]:/.test(file) && !file.split(/[/\\]/).includes("..");
}
