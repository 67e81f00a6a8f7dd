/**
 * Counts of faults that tests injected and what became of them, as a table of docs/reliability.md. A test that counts
 * other numbers than the table says fails; `GITUNE_WRITE_DOCS=1` writes the table anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./action-folder.js";

export interface FaultCount {
  /** What was done to the flow, in words. */
  readonly fault: string;
  readonly injected: number;
  /** The same run ended well. */
  readonly sameRun: number;
  /** The run said what was wrong, and the same command ended well afterwards. */
  readonly nextRun: number;
  /** It was refused, as it must be. */
  readonly refused: number;
}

const FILE = join(REPOSITORY, "docs/reliability.md");
const COLUMNS = ["fault", "injected", "the same run ends well", "the next run ends well", "refused"];

/** @param section the table between `<!-- faults: section -->` and `<!-- end -->` */
export function checkFaultTable(section: string, counts: readonly FaultCount[]): void {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const sum = (count: (row: FaultCount) => number) => counts.reduce((total, row) => total + count(row), 0);
  const cellsOf = ({ fault, injected, sameRun, nextRun, refused }: FaultCount) => [
    fault,
    injected,
    sameRun,
    nextRun,
    refused,
  ];
  const table = [
    line(COLUMNS),
    "|---|---:|---:|---:|---:|",
    ...counts.map((row) => line(cellsOf(row))),
    line(
      cellsOf({
        fault: "**all**",
        injected: sum((row) => row.injected),
        sameRun: sum((row) => row.sameRun),
        nextRun: sum((row) => row.nextRun),
        refused: sum((row) => row.refused),
      }),
    ),
  ].join("\n");
  const text = readFileSync(FILE, "utf8");
  const place = new RegExp(`(<!-- faults: ${section} -->\n)([\\s\\S]*?)(\n<!-- end -->)`);
  const written = place.exec(text)?.[2];
  assert.notEqual(written, undefined, `${FILE} has no table for ${section}`);
  if (process.env["GITUNE_WRITE_DOCS"] === "1") {
    writeFileSync(
      FILE,
      text.replace(place, (_, start: string, __, end: string) => start + table + end),
    );
  } else {
    assert.equal(written, table, "docs/reliability.md: run this test with GITUNE_WRITE_DOCS=1");
  }
}
