/** Issues as a result carries them: the first ones, and of each what can be shown. */
import type { Issue, Severity } from "@gitune/core";
import { MAX_ANNOTATIONS, MAX_MESSAGE_CHARS } from "./result.js";

export interface IssueCounts {
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
}

/** How many of each level there are, shown or not. */
export function countIssues(issues: readonly Issue[]): IssueCounts {
  const count = (severity: Severity) => issues.filter((issue) => issue.severity === severity).length;
  return { errors: count("error"), warnings: count("warning"), notes: count("note") };
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };
/** The start of what the code of an issue may be; a code of another shape is not ours. */
const CODE = /^[a-z0-9.-]{1,100}$/;

/** Errors first, in their order, `MAX_ANNOTATIONS` at most; texts cut, and `expected` and `found` left to the message. */
export function boundIssues(issues: readonly Issue[]): readonly Issue[] {
  return issues
    .filter(({ code }) => CODE.test(code))
    .sort((a, b) => RANK[a.severity] - RANK[b.severity])
    .slice(0, MAX_ANNOTATIONS)
    .map(boundIssue);
}

function boundIssue({ code, severity, line, column, message, ...issue }: Issue): Issue {
  const texts = (["project", "file", "row", "pointer", "fix"] as const).flatMap((name): [string, string][] => {
    const value = issue[name];
    return value === undefined ? [] : [[name, value.slice(0, MAX_MESSAGE_CHARS)]];
  });
  return {
    code,
    severity,
    ...Object.fromEntries(texts),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    message: message.slice(0, MAX_MESSAGE_CHARS),
  };
}
