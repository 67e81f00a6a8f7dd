/** What the run leaves behind for people (the job's summary) and for later steps (outputs). */
import { appendFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@actions/core";
import { type Issue, renderIssues } from "@gitune/core";
import { fitToLimit } from "./comment/fit-to-limit.js";
import { neutralizeReport } from "./comment/neutralize.js";
import type { Env } from "./inputs.js";
import { type ActionResult, writeResult } from "./result.js";

/** GitHub refuses a step's summary over 1 MiB; the rest is room for what other writers of this step add. */
const MAX_SUMMARY_BYTES = 1_000_000;
/** A job's outputs may hold 1 MB together; the comment needs 60,000 characters of it. */
const MAX_RESULT_JSON_CHARS = 400_000;

/** Appends the report to the job's summary, cut to GitHub's limit. */
export function writeSummary(env: Env, result: Pick<ActionResult, "comment">): void {
  const path = env["GITHUB_STEP_SUMMARY"];
  if (path === undefined || path === "") return;
  const notice = "> [!NOTE]\n> Cut to GitHub's limit of 1 MiB. The whole report is `.gitune/report/report.md`.";
  const report = neutralizeReport(result.comment);
  const bytes = (text: string) => Buffer.byteLength(text, "utf8");
  appendFileSync(path, `${fitToLimit(report, MAX_SUMMARY_BYTES, notice, bytes)}\n`);
}

/**
 * Sets the outputs that action.yml names, and the file for the step that comments.
 * @param issues for the SARIF file, as many as there are
 */
export function writeOutputs(env: Env, result: ActionResult, issues: readonly Issue[]): void {
  const dir = mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "gitune-"));
  const resultFile = join(dir, "result.json");
  const sarifFile = join(dir, "gitune.sarif");
  writeResult(resultFile, result);
  writeFileSync(sarifFile, renderIssues(issues, "sarif"));
  core.setOutput("verdict", result.verdict);
  core.setOutput("result-json", resultJson(result));
  core.setOutput("report-path", result.report_path ?? "");
  core.setOutput("adapter-path", adapterPath(result));
  core.setOutput("sarif-file", sarifFile);
  core.setOutput("result-file", resultFile);
}

/** Of one project its folder; of several a line `name=folder` each. */
function adapterPath({ projects }: ActionResult): string {
  const trained = projects.flatMap(({ name, adapter_path: path }) => (path === null ? [] : [{ name, path }]));
  const [only] = trained;
  if (only && trained.length === 1) return only.path;
  return trained.map(({ name, path }) => `${name}=${path}`).join("\n");
}

/** The result without the comment and the annotations, which are outputs of their own; without its rules where they are too many. */
function resultJson(result: ActionResult): string {
  const { comment: _comment, annotations: _annotations, ...facts } = result;
  const whole = JSON.stringify(facts);
  if (whole.length <= MAX_RESULT_JSON_CHARS) return whole;
  return JSON.stringify({ ...facts, projects: facts.projects.map((project) => ({ ...project, rules: [] })) });
}
