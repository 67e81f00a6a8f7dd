/** What is wrong with the nightly refresh, and the one issue that says so; pure. */
import { escapeMarkdown } from "@gitune/core";
import { fitToLimit, MAX_COMMENT_CHARS } from "../comment/fit-to-limit.js";
import { neutralizeMarkdown } from "../comment/neutralize.js";
import type { RefreshDocument, RefreshedProject } from "./refresh-document.js";
import { driftTexts, ofSources } from "./refresh-summary.js";

/** More than half of what a source gives is bad: it has changed, not its rows. Below 20 rows, chance alone can do it. */
const UNFIT_SHARE = 0.5;
const UNFIT_ROWS = 20;
/** More would be read by nobody. */
const MAX_PROBLEMS = 50;

export interface HealthFacts {
  /** Project -> address of its pull request. */
  readonly pulls: ReadonlyMap<string, string>;
  /** What could not be done on GitHub. */
  readonly failures: readonly string[];
  /** When the last run before this one ended well; null where none has, or it is not known. */
  readonly lastSuccess: Date | null;
  readonly now: Date;
  /** 0 does not look. */
  readonly maxAgeHours: number;
}

/** @returns Markdown, a list item each; empty where all is well */
export function findProblems(document: RefreshDocument, facts: HealthFacts): readonly string[] {
  const { issues, projects, exit_code: code } = document;
  return [
    ...missedRuns(facts),
    ...issues.map(({ message, fix }) => `${code === 3 ? NO_VERDICT : ""}${sentence(message, fix)}`),
    ...projects.flatMap((project) => problemsOf(project, facts.pulls.get(project.name))),
    ...facts.failures.map((failure) => sentence(failure)),
  ];
}

/** Of the machine, the network or gitune itself. */
const NO_VERDICT = "Could not run (exit code 3; the gate has not spoken): ";

function problemsOf(project: RefreshedProject, pull: string | undefined): readonly string[] {
  const name = `\`${project.name}\``;
  const where = pull === undefined ? "" : ` ([pull request](${pull}))`;
  const failed = [...project.issues, ...project.sources.flatMap((source) => source.issues)].map(
    ({ message, fix }) => `${name}: ${sentence(message, fix)}`,
  );
  // One that waits may have been declined; then it has no pull request here, and nobody is to look at it again.
  const isRefused = project.run?.exit_code === 1 && (project.status !== "pending" || pull !== undefined);
  const gate = isRefused
    ? [`${name}: trained with the new rows, a check or the gate says no${where}. What the sources give has changed.`]
    : [];
  const unfit = project.sources.flatMap((source) => {
    const given = source.new + source.known + source.quarantined;
    if (given < UNFIT_ROWS || source.quarantined <= UNFIT_SHARE * given) return [];
    return [`${name}: ${source.quarantined} of ${given} rows of source \`${source.name}\` are not fit.`];
  });
  return [...failed, ...gate, ...unfit, ...driftOf(project, pull).map((text) => `${name}: ${text}${where}.`)];
}

/** Where nothing is new, and somebody has declined what was proposed, there is nothing to be done about it. */
function driftOf(project: RefreshedProject, pull: string | undefined): readonly string[] {
  if (project.status === "pending" && pull === undefined) return [];
  return project.drift.flatMap((drift) => {
    const texts = driftTexts(drift);
    return texts.length === 0 ? [] : [`new rows have drifted, ${ofSources(drift)}: ${texts.join("; ")}`];
  });
}

function missedRuns({ lastSuccess, now, maxAgeHours }: HealthFacts): readonly string[] {
  if (lastSuccess === null || maxAgeHours === 0) return [];
  const hours = (now.getTime() - lastSuccess.getTime()) / 3_600_000;
  if (hours <= maxAgeHours) return [];
  const days = hours / 24;
  const ago = days < 2 ? `${Math.floor(hours)} hours` : `${Math.floor(days)} days`;
  return [
    `Runs are missing: the last one that ended well began ${ago} before this one, on ${lastSuccess.toISOString().slice(0, 16).replace("T", " ")} UTC. GitHub drops schedules under load, and stops them in repositories without activity for 60 days.`,
  ];
}

function sentence(message: string, fix?: string): string {
  return `${escapeMarkdown(message)}${fix === undefined ? "" : ` (fix: ${escapeMarkdown(fix)})`}`;
}

export const HEALTH_TITLE = "gitune: the refresh needs attention";

/** @param key of the workflow and its projects, as in a comment's marker */
export function healthMarker(key: string): string {
  return `<!-- gitune:health key=${key} -->`;
}

export function renderHealth(
  problems: readonly string[],
  key: string,
  run: { readonly number: number; readonly url: string },
): string {
  const link = `[run ${run.number}](${run.url})`;
  const more = problems.length - MAX_PROBLEMS;
  const lines =
    problems.length === 0
      ? [`All is well again since ${link}.`]
      : [
          `What ${link} found:`,
          "",
          ...problems.slice(0, MAX_PROBLEMS).map((problem) => `- ${problem}`),
          ...(more > 0 ? [`- and ${more} more`] : []),
        ];
  const head = `${healthMarker(key)}\n`;
  const tail = "\n\n<sub>Each run updates this issue, and one that finds nothing wrong closes it.</sub>\n";
  const body = neutralizeMarkdown(lines.join("\n"));
  return `${head}${fitToLimit(body, MAX_COMMENT_CHARS - head.length - tail.length, `More is in ${link}.`)}${tail}`;
}
