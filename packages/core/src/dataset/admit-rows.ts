/** Rows that want to get in: which are new, which are known already, and which are not fit. */
import type { CheckContext, CountTokens, SuiteRows } from "../checks/check.js";
import { type StartedCheck, startChecks } from "../checks/start.js";
import type { CheckConfig, Project } from "../config/config.js";
import { nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import type { IssueCode } from "../issue-codes.js";
import { readJsonl } from "../jsonl/read.js";
import type { JsonValue, Row } from "../row.js";
import type { Finding } from "../schema/explain.js";
import { listSplit } from "./files.js";
import { makeRowParser, type RowParser, toRow } from "./parse-row.js";
import { userSchemaOf } from "./read-rows.js";
import { duplicateId } from "./read-suite.js";

/**
 * - `new`: fit to be trained on; with what is worth a warning
 * - `known`: its content, or almost that, is in a split already
 * - `bad`: with the errors
 */
export type Admitted =
  | { readonly kind: "new"; readonly row: Row; readonly issues: readonly Issue[] }
  | { readonly kind: "known" }
  | { readonly kind: "bad"; readonly issues: readonly Issue[] };

export interface AdmitOptions {
  /** The suites of all projects, so that no row asks what one of them asks. */
  readonly suitesOfRepo: readonly SuiteRows[];
  /** Turns the rule `tokens` on, where the project has it on. */
  readonly countTokens?: CountTokens;
  readonly signal?: AbortSignal;
}

const KNOWN: ReadonlySet<IssueCode> = new Set(["data.duplicate", "data.split-leak", "data.near-duplicate"]);

/** Judges rows one after the other, each knowing all of the project's and those that were let in before. */
export class RowAdmission {
  private readonly ids = new Map<string, string>();

  private constructor(
    private readonly project: Project,
    private readonly parse: RowParser,
    private readonly checks: readonly StartedCheck[],
  ) {}

  /** Reads all of the project's rows. Broken ones are left out: validation is what reports them. */
  static async open(project: Project, options: AdmitOptions): Promise<RowAdmission> {
    const { config } = project;
    const context: CheckContext = {
      config,
      suites: options.suitesOfRepo,
      countTokens: options.countTokens ?? null,
    };
    const parse = makeRowParser(config.data, await userSchemaOf(project));
    const admission = new RowAdmission(project, parse, startChecks(strictChecks(config.checks), context));
    for (const split of Object.keys(config.data.splits)) await admission.learn(split, options.signal);
    return admission;
  }

  private async learn(split: string, signal: AbortSignal | undefined): Promise<void> {
    const { root, config } = this.project;
    for (const file of (await listSplit(this.project, split)).files) {
      for await (const item of readJsonl(nativePath(root, file), { file, ...(signal ? { signal } : {}) })) {
        if (item.kind === "issue") continue;
        const parsed = this.parse(item.value);
        if (config.data.id !== null && split === "train" && "key" in parsed)
          this.ids.set(parsed.key, `${file}:${item.line}`);
        const row = toRow(parsed, file, item.line);
        if (row) this.check(row, split);
      }
    }
  }

  /**
   * Judges a row for split `train`.
   * @param file where it would go, for the messages of rows after it
   */
  admit(value: JsonValue, file: string, line: number): Admitted {
    const parsed = this.parse(value);
    const row = toRow(parsed, file, line);
    if (!row) return { kind: "bad", issues: parsed.findings.map((finding) => this.issue(finding, "error")) };
    const issues = this.check(row, "train");
    if (issues.some(({ code }) => KNOWN.has(code))) return { kind: "known" };
    const errors = issues.filter(({ severity }) => severity === "error");
    const first = this.project.config.data.id === null ? undefined : this.ids.get(row.key);
    if (first !== undefined) errors.push({ ...duplicateId(row.key, first), severity: "error" });
    if (errors.length > 0) return { kind: "bad", issues: errors };
    this.ids.set(row.key, `${file}:${line}`);
    return { kind: "new", row, issues };
  }

  private check(row: Row, split: string): Issue[] {
    return this.checks.flatMap(({ run, severity }) => {
      try {
        return run.onRow({ ...row, split }).map((finding) => this.issue(finding, severity, row.key));
      } catch (error) {
        // A template that refuses this row is trouble of the row.
        if (!(error instanceof GituneError) || error.exitCode === 3) throw error;
        return error.issues.map((issue) => ({ ...issue, row: row.key }));
      }
    });
  }

  private issue(finding: Finding, severity: Issue["severity"], key?: string): Issue {
    const row = key === undefined ? {} : { row: key };
    return { severity, project: this.project.config.name, ...row, ...finding };
  }
}

/**
 * What comes in by itself is looked at more closely than what a person puts in: secrets, contamination and near
 * duplicates always count, unless near duplicates are what the project wants.
 */
function strictChecks(checks: Readonly<Record<string, CheckConfig>>): Readonly<Record<string, CheckConfig>> {
  return {
    "near-duplicates": { level: "warning" },
    ...checks,
    duplicates: { level: "error" },
    contamination: { ...checks["contamination"], level: "error" },
    secrets: { level: "error" },
  };
}
