/** Puts two results side by side, row by row, or says why they cannot be compared. */
import { GituneError, type Issue, type ResultRow, type Results, type SuiteResult } from "@gitune/core";

export interface RowPair {
  readonly id: string;
  readonly base: ResultRow;
  readonly head: ResultRow;
}

export interface SuitePair {
  readonly name: string;
  readonly base: SuiteResult;
  readonly head: SuiteResult;
  /** In the head's order. */
  readonly rows: readonly RowPair[];
}

/** As many ids as a person reads. */
const MAX_IDS = 5;

/**
 * Only like is compared with like: the same suites, the same rows, the same data. Another base model may bring its own
 * chat template (the base's hash covers it); one base under two templates is a mistake.
 * @throws {GituneError} `gate.not-comparable` (exit code 2), an issue a difference
 */
export function pairResults(base: Results, head: Results): readonly SuitePair[] {
  const issues: Issue[] = [];
  const differ = (message: string, expected: string, found: string, fix = "evaluate both on the same inputs"): void => {
    issues.push({ code: "gate.not-comparable", severity: "error", message, expected, found, fix });
  };
  if (base.base.sha256 === head.base.sha256 && base.template_sha256 !== head.template_sha256) {
    differ("base and head were evaluated with different chat templates", base.template_sha256, head.template_sha256);
  }
  const names = new Set([...base.suites, ...head.suites].map((suite) => suite.name));
  const pairs: SuitePair[] = [];
  for (const name of names) {
    const [before, after] = [findSuite(base, name), findSuite(head, name)];
    if (before === undefined || after === undefined) {
      differ(`suite "${name}" is only in the ${before === undefined ? "head" : "base"}`, "the same suites", name);
      continue;
    }
    if (before.data_sha256 !== after.data_sha256) {
      differ(`suite "${name}" was run on different data`, before.data_sha256, after.data_sha256);
    }
    for (const metric of Object.keys(after.metrics)) {
      const [was, is] = [before.metrics[metric]?.signature, after.metrics[metric]?.signature];
      if (was !== undefined && is !== undefined && was !== is) {
        differ(`suite "${name}" has two versions of ${metric}`, was, is);
      }
    }
    const rows = pairRows(before, after, differ);
    pairs.push({ name, base: before, head: after, rows });
  }
  if (issues.length > 0) throw new GituneError(issues);
  return pairs;
}

function findSuite(results: Results, name: string): SuiteResult | undefined {
  return results.suites.find((suite) => suite.name === name);
}

function pairRows(
  base: SuiteResult,
  head: SuiteResult,
  differ: (message: string, expected: string, found: string) => void,
): readonly RowPair[] {
  const before = new Map(base.rows.map((row) => [row.id, row]));
  const after = new Map(head.rows.map((row) => [row.id, row]));
  if (before.size !== base.rows.length || after.size !== head.rows.length) {
    differ(`suite "${head.name}" has two rows with the same id`, "ids that differ", "repeated ids");
  }
  const lost = [...before.keys()].filter((id) => !after.has(id));
  const added = [...after.keys()].filter((id) => !before.has(id));
  if (lost.length > 0 || added.length > 0) {
    const message = `suite "${head.name}" was run on different rows: ${lost.length} only in the base, ${added.length} only in the head`;
    differ(
      message,
      `${before.size} rows`,
      `${after.size} rows; e.g. ${[...lost, ...added].slice(0, MAX_IDS).join(", ")}`,
    );
  }
  return head.rows.flatMap((row) => {
    const was = before.get(row.id);
    return was === undefined ? [] : [{ id: row.id, base: was, head: row }];
  });
}
