/** Everything that is wrong with a project's data: one pass over its rows, and every rule that its config turns on. */
import { stat } from "node:fs/promises";
import type { CheckedRow, CountTokens, SuiteRows } from "../checks/check.js";
import { type StartedCheck, startChecks } from "../checks/start.js";
import type { Project } from "../config/config.js";
import { joinInside, nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import { type JsonlRow, readJsonl } from "../jsonl/read.js";
import { didYouMean } from "../nearest.js";
import type { OnProgress } from "../progress.js";
import type { ValidateFunction } from "../schema/ajv.js";
import { compileUserSchema } from "../schema/compile.js";
import { explainErrors } from "../schema/explain.js";
import { checkBase } from "./base.js";
import { leadsOutside, listSplit, outside } from "./files.js";
import { IssueList } from "./issue-list.js";
import { locate } from "./locate.js";
import { makeRowParser, type RowParser, toRow } from "./parse-row.js";
import { duplicateId, inspectSuite } from "./read-suite.js";

/** What `validate --json` prints of a project. `files`, `rows` and `bytes` are those of the splits. */
export interface ProjectValidation {
  readonly name: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  readonly issues: readonly Issue[];
  /** Issues beyond the cap of 50 a file and severity. */
  readonly suppressed: number;
}

export interface ValidateOptions {
  /** In bytes of the splits. */
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** Turns the rule `tokens` on. */
  readonly countTokens?: CountTokens;
  /** For the rule `contamination`: the suites of all projects (`readSuites`); the project's own by default. */
  readonly suitesOfRepo?: readonly SuiteRows[];
}

/** Rows between two progress events. */
const PROGRESS_ROWS = 1000;

/** Validates a project. What is wrong with the data is returned; only an abort or a failing machine throws. */
export async function validateProject(project: Project, options: ValidateOptions = {}): Promise<ProjectValidation> {
  const { config } = project;
  const list = new IssueList(config.name);
  for (const issue of await checkBase(project)) list.add(issue);
  const ownSuites = await inspectSuites(project, list, options.signal);
  const schema = await readUserSchema(project, list);
  const checks = startChecks(config.checks, {
    config,
    suites: options.suitesOfRepo ?? ownSuites,
    countTokens: options.countTokens ?? null,
  });
  const splits = await listFiles(project, list);

  const parse = makeRowParser(config.data, schema);
  const totals = { files: 0, rows: 0, bytes: 0 };
  const all = splits.reduce((sum, { files }) => sum + files.reduce((bytes, file) => bytes + file.sizeBytes, 0), 0);
  const progress = (done: number): void => options.onProgress?.({ phase: "validate", done, total: all, unit: "bytes" });
  for (const { split, files } of splits) {
    const ids = new Map<string, string>();
    for (const { file, sizeBytes } of files) {
      for await (const item of readJsonl(nativePath(project.root, file), fileOptions(file, options.signal))) {
        if (item.kind === "issue") {
          list.add(item.issue);
          continue;
        }
        totals.rows += 1;
        checkRow({ item, file, split, parse, list, checks, ids: config.data.id === null ? null : ids });
        if (totals.rows % PROGRESS_ROWS === 0) progress(totals.bytes + item.byteOffset);
      }
      totals.files += 1;
      totals.bytes += sizeBytes;
      progress(totals.bytes);
    }
  }
  for (const { run, severity } of checks) {
    for (const finding of run.onEnd?.() ?? []) list.add({ severity, ...finding });
  }
  return { name: config.name, ...totals, issues: list.sorted(), suppressed: list.suppressed };
}

/**
 * Validates one file without a project: JSON Lines, and a row schema if one is given. Paths as the machine names them.
 */
export async function validateFile(
  path: string,
  schemaPath: string | null = null,
  options: Pick<ValidateOptions, "signal" | "onProgress"> = {},
): Promise<ProjectValidation> {
  const list = new IssueList(path);
  let schema: ValidateFunction | null = null;
  if (schemaPath !== null) {
    const compiled = await compileUserSchema(schemaPath, schemaPath);
    if (typeof compiled === "function") schema = compiled;
    else list.add(compiled);
  }
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  let rows = 0;
  for await (const item of readJsonl(path, fileOptions(path, options.signal))) {
    if (item.kind === "issue") {
      list.add(item.issue);
      continue;
    }
    rows += 1;
    if (schema && !schema(item.value)) {
      for (const finding of explainErrors(schema.errors ?? [], "row", item.value))
        list.add(locate(finding, path, item, {}));
    }
    if (rows % PROGRESS_ROWS === 0)
      options.onProgress?.({ phase: "validate", done: item.byteOffset, total: bytes, unit: "bytes" });
  }
  return { name: path, files: 1, rows, bytes, issues: list.sorted(), suppressed: list.suppressed };
}

/** The rows of all suites of some projects, for `contamination`. Rows that are broken are left out: they are reported where they are. */
export async function readSuites(projects: readonly Project[], signal?: AbortSignal): Promise<SuiteRows[]> {
  const suites: SuiteRows[] = [];
  for (const project of projects) {
    for (const suite of project.config.evals) {
      const { rows } = await inspectSuite(project, suite, signal);
      suites.push({ project: project.config.name, suite: suite.name, rows });
    }
  }
  return suites;
}

function checkRow(work: {
  item: JsonlRow;
  file: string;
  split: string;
  parse: RowParser;
  list: IssueList;
  checks: readonly StartedCheck[];
  /** Null where rows have no ids. */
  ids: Map<string, string> | null;
}): void {
  const { item, file, split, parse, list, checks, ids } = work;
  const parsed = parse(item.value);
  for (const finding of parsed.findings) list.add(locate(finding, file, item, parsed));
  if (ids && "key" in parsed) {
    const first = ids.get(parsed.key);
    if (first !== undefined) list.add({ ...duplicateId(parsed.key, first), file, line: item.line });
    else ids.set(parsed.key, `${file}:${item.line}`);
  }
  const row = toRow(parsed, file, item.line);
  if (!row) return;

  const checked: CheckedRow = { ...row, split };
  for (const { run, severity } of checks) {
    try {
      for (const finding of run.onRow(checked)) list.add(locate(finding, file, item, row, severity));
    } catch (error) {
      // A template that refuses this row is trouble of the row.
      if (!(error instanceof GituneError) || error.exitCode === 3) throw error;
      for (const issue of error.issues) list.add({ ...issue, file, line: item.line, row: row.key });
    }
  }
}

async function inspectSuites(project: Project, list: IssueList, signal?: AbortSignal): Promise<SuiteRows[]> {
  const suites: SuiteRows[] = [];
  for (const suite of project.config.evals) {
    const { rows, issues } = await inspectSuite(project, suite, signal);
    for (const issue of issues) list.add(issue);
    suites.push({ project: project.config.name, suite: suite.name, rows });
  }
  for (const [index, rule] of project.config.gate.rules.entries()) {
    const suite = suites.find(({ suite: name }) => name === rule.suite);
    if (rule.slice === null || !suite) continue;
    const tags = new Set(suite.rows.flatMap((row) => row.tags));
    if (tags.has(rule.slice)) continue;
    const near = didYouMean(rule.slice, tags);
    list.add({
      code: "config.unknown-slice",
      severity: "error",
      file: project.configFile,
      pointer: `/gate/rules/${index}/slice`,
      message: `no row of suite ${rule.suite} has the tag ${JSON.stringify(rule.slice)}`,
      expected: tags.size > 0 ? `one of ${[...tags].slice(0, 50).join(", ")}` : "a tag",
      found: rule.slice,
      ...(near === undefined ? {} : { fix: near }),
    });
  }
  return suites;
}

async function readUserSchema({ config, root, dir }: Project, list: IssueList): Promise<ValidateFunction | null> {
  const file = config.data.schema === null ? null : joinInside(dir, config.data.schema);
  if (file === null) return null;
  if (await leadsOutside(root, file)) {
    list.add(outside(file, config.name));
    return null;
  }
  const compiled = await compileUserSchema(nativePath(root, file), file);
  if (typeof compiled === "function") return compiled;
  list.add(compiled);
  return null;
}

interface SplitWork {
  readonly split: string;
  readonly files: readonly { readonly file: string; readonly sizeBytes: number }[];
}

async function listFiles(project: Project, list: IssueList): Promise<SplitWork[]> {
  const work: SplitWork[] = [];
  for (const split of Object.keys(project.config.data.splits)) {
    const { files, issues } = await listSplit(project, split);
    for (const issue of issues) list.add(issue);
    const sized = [];
    for (const file of files) sized.push({ file, sizeBytes: (await stat(nativePath(project.root, file))).size });
    work.push({ split, files: sized });
  }
  return work;
}

function fileOptions(file: string, signal: AbortSignal | undefined): { file: string; signal?: AbortSignal } {
  return signal ? { file, signal } : { file };
}
