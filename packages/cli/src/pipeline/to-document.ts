/** What `gitune run --json` prints: the outcome without the rows, which are in the report's files. */
import { isAbsolute, relative, sep } from "node:path";
import type { ProjectDiff, Results } from "@gitune/core";
import type { AdapterOutcome, PipelineResult, ReportFiles } from "./result.js";

/** @param root paths below it are shown relative to it, with forward slashes */
export function toDocument(result: PipelineResult, root: string): object {
  const { version, verdict, exitCode, base, head, projects, pending, comment, report, seconds } = result;
  const shown = (path: string) => shownPath(root, path);
  return {
    version,
    verdict,
    exit_code: exitCode,
    base,
    head,
    seconds,
    report: filesOf(report, shown),
    projects: projects.map((project) => ({
      name: project.name,
      dir: project.dir,
      status: project.status,
      verdict: project.verdict,
      notes: project.notes,
      issues: project.issues,
      splits: splitsOf(project.diff),
      adapters: {
        base: adapterOf(project.adapters.base, shown),
        head: adapterOf(project.adapters.head, shown),
      },
      results: {
        bare: metricsOf(project.results.bare),
        base: metricsOf(project.results.base),
        head: metricsOf(project.results.head),
      },
      comparison: project.comparison,
      report: project.report && filesOf(project.report, shown),
    })),
    ...(pending.length > 0 ? { pending } : {}),
    comment,
  };
}

function filesOf(files: ReportFiles, shown: (path: string) => string): ReportFiles {
  return { markdown: shown(files.markdown), html: shown(files.html), results: shown(files.results) };
}

/** The counts of `diff --json`. */
function splitsOf(diff: ProjectDiff | null) {
  return (diff?.splits ?? []).map(({ rows: _rows, ...counts }) => counts);
}

function adapterOf(adapter: AdapterOutcome | null, shown: (path: string) => string) {
  if (adapter === null) return null;
  const { dir, sha256, cached, steps, losses, validation, keptStep, tokens, seconds, tokensPerSecond, rows } = adapter;
  return {
    path: shown(dir),
    sha256,
    cached,
    steps,
    loss: losses.at(-1) ?? null,
    validation,
    kept_step: keptStep,
    tokens,
    seconds,
    tokens_per_second: tokensPerSecond,
    rows,
  };
}

/** suite -> metric -> value */
function metricsOf(results: Results | null) {
  return results && Object.fromEntries(results.suites.map(({ name, metrics }) => [name, metrics]));
}

function shownPath(root: string, path: string): string {
  const short = relative(root, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short.split(sep).join("/");
}
