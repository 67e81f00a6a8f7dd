/** What a source gave, row by row: taken, known already, passed over, or quarantined with the reasons. */
import {
  type Issue,
  type JsonValue,
  type Project,
  type RefreshSource,
  type RowAdmission,
  readJsonl,
} from "@gitune/core";
import { convertRow, isAccepted } from "./convert-row.js";
import type { SecretGuard } from "./secret-guard.js";
import { sourceError } from "./source-error.js";
import { rowKey } from "./source-state.js";

/** A row that was not taken, for people to look at. */
export interface QuarantinedRow {
  readonly source: string;
  /** In what the source gave, counts from 1. */
  readonly line: number;
  readonly issues: readonly Issue[];
  /** As it was given. Null where it is no JSON, or holds what must not be shown. */
  readonly row: JsonValue | null;
}

export interface TakenRows {
  /** In the order in which they are appended. */
  readonly rows: readonly JsonValue[];
  readonly known: number;
  /** Rows that the source itself does not call accepted, or that people took out before. */
  readonly passedOver: number;
  readonly quarantined: readonly QuarantinedRow[];
}

export interface TakeOptions {
  readonly admission: RowAdmission;
  readonly data: Project["config"]["data"];
  readonly guard: SecretGuard;
  /** `rowKey` of rows that people took out of a proposal. */
  readonly rejected: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** Of a whole file, and harmless: what is written is in one form anyway. */
const IGNORED: ReadonlySet<string> = new Set(["jsonl.bom", "jsonl.crlf", "jsonl.blank", "jsonl.empty"]);

/** @throws {GituneError} `refresh.source` where it gave no text of rows at all */
export async function takeRows(source: RefreshSource, bytes: Buffer, options: TakeOptions): Promise<TakenRows> {
  const { admission, data, guard, rejected, signal } = options;
  const quarantined: QuarantinedRow[] = [];
  const candidates: {
    readonly key: string;
    readonly line: number;
    readonly row: JsonValue;
    readonly given: JsonValue;
  }[] = [];
  let passedOver = 0;
  const quarantine = (line: number, issues: readonly Issue[], row: JsonValue | null) =>
    quarantined.push({
      source: source.name,
      line,
      issues: issues.map(withoutPlace),
      row: isShown(issues) ? row : null,
    });

  for await (const item of readJsonl([bytes], { signal })) {
    if (item.kind === "issue") {
      const { code, line = 1, message } = item.issue;
      if (IGNORED.has(code)) continue;
      if (code === "jsonl.lfs" || message === UTF16) throw sourceError(`what it gave is no JSON Lines: ${message}`);
      // What a message quotes of a broken line may be a part of a secret.
      quarantine(line, [guard.holds(lineOf(bytes, line)) ? SECRET : item.issue], null);
      continue;
    }
    const { line, text, value } = item;
    if (!isAccepted(value, source.accept)) passedOver += 1;
    else if (guard.holds(text)) quarantine(line, [SECRET], null);
    else {
      const converted = convertRow(value, source, data);
      if ("row" in converted) {
        const key = rowKey(converted.row);
        if (rejected.has(key)) passedOver += 1;
        else candidates.push({ key, line, row: converted.row, given: value });
      } else {
        quarantine(
          line,
          converted.findings.map((finding) => ({ severity: "error", ...finding })),
          value,
        );
      }
    }
  }

  // By content, so that a source that gives the same rows in another order leads to the same commit.
  candidates.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.line - b.line));
  const rows: JsonValue[] = [];
  let known = 0;
  for (const { row, line, given } of candidates) {
    const admitted = admission.admit(row, source.name, line);
    if (admitted.kind === "new") rows.push(row);
    else if (admitted.kind === "known") known += 1;
    else quarantine(line, admitted.issues, given);
  }
  quarantined.sort((a, b) => a.line - b.line);
  return { rows, known, passedOver, quarantined };
}

const UTF16 = "the file is UTF-16";

const SECRET: Issue = {
  code: "refresh.secret",
  severity: "error",
  message: "the row holds a secret, so it is not shown",
  fix: "revoke the secret, and remove it from the source",
};

/** A row with personal data or a secret stays where it came from. */
function isShown(issues: readonly Issue[]): boolean {
  return !issues.some(({ code }) => code === "refresh.secret" || code === "data.secret" || code === "data.pii");
}

/** A source's line is no line of a file of the repository. */
function withoutPlace({ file: _file, line: _line, column: _column, ...issue }: Issue): Issue {
  return issue;
}

function lineOf(bytes: Buffer, line: number): string {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) return "";
    start = end + 1;
  }
  const end = bytes.indexOf(0x0a, start);
  return bytes.subarray(start, end < 0 ? undefined : end).toString("utf8");
}
