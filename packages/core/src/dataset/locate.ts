/** Findings in a row, as issues in a file. */
import type { Issue, Severity } from "../issue.js";
import type { JsonlRow } from "../jsonl/read.js";
import { offsetOf } from "../jsonl/scan.js";
import { fromPointer } from "../pointer.js";
import type { Finding } from "../schema/explain.js";

/** @param parsed what is known of the row; its key becomes the issue's `row` */
export function locate(
  finding: Finding,
  file: string,
  item: Pick<JsonlRow, "line" | "text">,
  parsed: object,
  severity: Severity = "error",
): Issue {
  const row = "key" in parsed && typeof parsed.key === "string" ? { row: parsed.key } : {};
  const column = offsetOf(item.text, fromPointer(finding.pointer)) + 1;
  return { severity, file, line: item.line, column, ...row, ...finding };
}
