/** Rows that people took out of a proposal, or wrote anew: a source that gives them again does not bring them back. */
import { posix } from "node:path";
import { type JsonValue, linesAddedByGitune, type Project, readFileAt } from "@gitune/core";
import { rowKey } from "./source-state.js";
import type { StartState } from "./start-state.js";

/**
 * @param known keys of those that were found before
 * @returns keys of the rows that a commit of gitune's added, and that are in neither state any more
 */
export async function rejectedRows(
  { root, dir, config }: Project,
  { base, commit }: StartState,
  known: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const files = [...new Set((config.refresh?.sources ?? []).map(({ into }) => posix.join(dir, into)))];
  const rejected = new Set([...known, ...keysOf(await linesAddedByGitune(root, [base, commit], files))]);
  for (const state of new Set([base, commit])) {
    for (const file of files) {
      const text = (await readFileAt(root, state, file)) ?? "";
      for (const key of keysOf(text.split("\n"))) rejected.delete(key);
    }
  }
  return rejected;
}

function keysOf(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    try {
      return line === "" ? [] : [rowKey(JSON.parse(line) as JsonValue)];
    } catch {
      return [];
    }
  });
}
