/** What `gitune refresh --json` prints. */
import { relative, sep } from "node:path";
import { toDocument as pipelineDocument } from "../pipeline/to-document.js";
import type { FileDrift, RefreshResult } from "./result.js";

/** @param root paths are shown relative to it, with forward slashes */
export function toDocument({ version, base, exitCode, projects }: RefreshResult, root: string): object {
  return {
    version,
    base,
    exit_code: exitCode,
    projects: projects.map((project) => ({
      name: project.name,
      status: project.status,
      branch: project.branch,
      commit: project.commit,
      verdict: project.verdict,
      sources: project.sources.map(({ passedOver, ...source }) => ({ ...source, passed_over: passedOver })),
      quarantine: project.quarantine,
      drift: project.drift.map(driftDocument),
      quarantine_file: project.quarantineFile && relative(root, project.quarantineFile).split(sep).join("/"),
      issues: project.issues,
      run: project.run && pipelineDocument(project.run, root),
    })),
  };
}

function driftDocument({ rowsBefore, comparedWith, measures, ...drift }: FileDrift): object {
  return {
    ...drift,
    rows_before: rowsBefore,
    compared_with: comparedWith,
    measures: measures.map(({ pValue, isDrifted, ...measure }) => ({
      ...measure,
      p_value: pValue,
      drifted: isDrifted,
    })),
  };
}
