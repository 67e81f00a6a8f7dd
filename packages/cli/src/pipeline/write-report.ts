/** The report's files: one set for the pull request, one a project that changed. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type EvalRow, type Lock, type Project, type Results, writeFileAtomic, writeLock } from "@gitune/core";
import { buildReport, type Report, renderHtml, renderMarkdown, type TrainSummary, toJson } from "@gitune/eval";
import type { AdapterOutcome, ProjectOutcome, ReportFiles } from "./result.js";

/** A project's outcome, with what only its report needs. */
export interface JudgedProject {
  readonly outcome: Omit<ProjectOutcome, "report">;
  /** Null for a project that the head no longer has. */
  readonly project: Project | null;
  /** Of the head's adapter; null where none was trained. */
  readonly lock: Lock | null;
  /** Suite name -> its rows. */
  readonly rows: Readonly<Record<string, readonly EvalRow[]>>;
}

export interface ReportRefs {
  readonly base: { readonly ref: string; readonly sha: string };
  readonly head: { readonly ref: string; readonly sha: string };
}

/** No rules: for a project whose config is gone. */
const NO_GATE = { confidence: 0.95, inconclusive: "allow", rules: [] } as const;

/** @returns the report as data; pure */
export function reportOf({ outcome, project, rows }: JudgedProject, refs: ReportRefs): Report {
  return buildReport({
    project: outcome.name,
    ...refs,
    gate: project?.config.gate ?? NO_GATE,
    comparison: outcome.comparison,
    verdict: outcome.verdict,
    issues: outcome.issues,
    diff: outcome.diff,
    train: { base: trainSummary(outcome.adapters.base), head: trainSummary(outcome.adapters.head) },
    results: outcome.results,
    rows,
    notes: outcome.notes,
  });
}

function trainSummary(adapter: AdapterOutcome | null): TrainSummary | null {
  if (adapter === null) return null;
  const { losses, dir: _dir, sha256: _sha256, ...summary } = adapter;
  return { ...summary, losses, loss: losses.at(-1) ?? null };
}

/**
 * Writes `report.md`, `report.html` and `results.json`. Projects that did not change are left out, but for one alone.
 * @param folder replaced as a whole; a subfolder a changed project
 */
export async function writeReports(
  folder: string,
  judged: readonly JudgedProject[],
  refs: ReportRefs,
): Promise<{ readonly comment: string; readonly report: ReportFiles; readonly projects: readonly ProjectOutcome[] }> {
  const changed = judged.filter(({ outcome }) => outcome.status !== "unchanged");
  const shown = judged.length > 1 ? changed : judged;
  const reports = shown.map((one) => reportOf(one, refs));
  const comment = renderMarkdown(reports);
  // A project that is no longer part of the change must not seem to be.
  await rm(folder, { recursive: true, force: true });
  const report = await writeSet(folder, comment, renderHtml(reports), resultsOf(shown));

  const projects: ProjectOutcome[] = [];
  for (const { outcome, lock } of judged) {
    const at = changed.findIndex((one) => one.outcome === outcome);
    const own = at < 0 ? undefined : reports[at];
    const files =
      own &&
      (await writeSet(join(folder, outcome.name), renderMarkdown(own), renderHtml(own), resultsOf([{ outcome }])));
    if (own?.comparison) {
      await writeFileAtomic(join(folder, outcome.name, "comparison.json"), [toJson(own.comparison)]);
    }
    if (own && lock) await writeLock(join(folder, outcome.name), lock);
    projects.push({ ...outcome, report: files ?? null });
  }
  return { comment, report, projects };
}

async function writeSet(folder: string, markdown: string, html: string, results: string): Promise<ReportFiles> {
  const files = {
    markdown: join(folder, "report.md"),
    html: join(folder, "report.html"),
    results: join(folder, "results.json"),
  };
  await writeFileAtomic(files.markdown, [markdown.endsWith("\n") ? markdown : `${markdown}\n`]);
  await writeFileAtomic(files.html, [html]);
  await writeFileAtomic(files.results, [results]);
  return files;
}

/** One project's results as contracts.md §5 has them; a list of such for none or several. */
function resultsOf(judged: readonly { readonly outcome: Pick<ProjectOutcome, "results"> }[]): string {
  const results = judged.flatMap(({ outcome }): readonly Results[] =>
    outcome.results.head === null ? [] : [outcome.results.head],
  );
  const [only] = results;
  if (only && results.length === 1) return toJson(only);
  return `${JSON.stringify({ version: 1, projects: results }, null, 2)}\n`;
}
