/** What a refresh did, as Markdown. */
import { appendFileSync } from "node:fs";
import { driftText, escapeMarkdown } from "@gitune/core";
import { fitToLimit } from "../comment/fit-to-limit.js";
import { neutralizeReport } from "../comment/neutralize.js";
import type { Env } from "../inputs.js";
import type { RefreshDocument, RefreshDrift, RefreshedProject } from "./refresh-document.js";

/** Below GitHub's limit of 1 MiB a step. */
const MAX_SUMMARY_BYTES = 1_000_000;

const STATUS: Readonly<Record<RefreshedProject["status"], string>> = {
  unchanged: "nothing new",
  pending: "nothing new; an earlier proposal waits",
  proposed: "proposed",
  failed: "failed",
};

export function writeRefreshSummary(env: Env, document: RefreshDocument): void {
  const path = env["GITHUB_STEP_SUMMARY"];
  if (path === undefined || path === "") return;
  const parts = document.projects.map((project) =>
    [
      `## \`${project.name}\`: ${STATUS[project.status]}`,
      "",
      sourcesTable(project),
      ...project.issues.map(({ message }) => `- ${escapeMarkdown(message)}`),
      "",
      project.run?.comment ?? "",
    ].join("\n"),
  );
  const failures = document.issues.map(({ message }) => `- ${escapeMarkdown(message)}`);
  const nothing = parts.length + failures.length === 0 ? ["No project has refresh sources."] : [];
  const markdown = neutralizeReport([...failures, ...parts, ...nothing].join("\n\n"));
  const bytes = (text: string) => Buffer.byteLength(text, "utf8");
  const notice = "> [!NOTE]\n> Cut to GitHub's limit of 1 MiB.";
  appendFileSync(path, `${fitToLimit(markdown, MAX_SUMMARY_BYTES, notice, bytes)}\n`);
}

/** One line a source. Empty where the sources were not reached. */
export function sourcesTable({ sources, quarantine, drift }: RefreshedProject): string {
  if (sources.length === 0) return "";
  const rows = sources.map((one) => {
    const counts = [one.new, one.known, one.passed_over, one.quarantined].map((count) => count.toLocaleString("en"));
    const cells = one.status === "read" ? counts : [one.status === "failed" ? "❌ failed" : "unchanged", "", "", ""];
    return `| \`${one.name}\` (${one.type}) | ${cells.join(" | ")} |`;
  });
  const reasons = Object.entries(quarantine).map(([code, count]) => `${count.toLocaleString("en")} × \`${code}\``);
  return [
    "| source | new rows | known | not accepted | quarantined |",
    "|---|---:|---:|---:|---:|",
    ...rows,
    "",
    ...(reasons.length > 0 ? [`Quarantined: ${reasons.join(", ")}. These rows are in no commit.`, ""] : []),
    ...driftList(drift),
  ].join("\n");
}

function driftList(drift: readonly RefreshDrift[]): readonly string[] {
  const items = drift.flatMap((one) => driftTexts(one).map((text) => `- ${ofSources(one)}: ${text}`));
  if (items.length === 0) return [];
  return [
    "**Drift**: the rows that are proposed here are unlike those before, by their population stability index (PSI).",
    "",
    ...items,
    "",
  ];
}

/** @returns Markdown, for each measure that has drifted */
export function driftTexts({ measures }: RefreshDrift): readonly string[] {
  return measures.filter(({ drifted }) => drifted).map((measure) => driftText(measure, escapeMarkdown));
}

/** Such as "240 rows of `tickets` against 1,977". */
export function ofSources({ sources, rows, rows_before }: RefreshDrift): string {
  const names = sources.map((name) => `\`${name}\``).join(", ");
  return `${rows.toLocaleString("en")} rows of ${names} against ${rows_before.toLocaleString("en")}`;
}
