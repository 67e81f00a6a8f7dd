/** Whether the rows that a proposal adds are like those that the base has. */
import { join, posix } from "node:path";
import {
  compareRows,
  listSplit,
  makeRowParser,
  type Project,
  type Row,
  RowTally,
  readFileAt,
  readJsonl,
  toRow,
} from "@gitune/core";
import { openBaseState } from "../pipeline/open-states.js";
import type { FileDrift } from "./result.js";

/**
 * What comes into a file is compared with what that file has, since sources of one project may differ by nature. A file
 * with fewer rows is compared with all of split train.
 */
const MIN_OWN_ROWS = 100;

export interface FindDriftOptions {
  readonly root: string;
  readonly signal: AbortSignal;
}

/**
 * Looks at all that is proposed and not merged, not at this run's rows alone: what drifts bit by bit is seen, and a
 * night that brings nothing does not say that all is well.
 * @param project as the base has it   @param commit of the proposal
 * @returns one for each file that has rows to propose
 */
export async function findDrift(
  project: Project,
  base: string,
  commit: string,
  { root, signal }: FindDriftOptions,
): Promise<readonly FileDrift[]> {
  const { config, dir } = project;
  const sources = config.refresh?.sources ?? [];
  const max = config.refresh?.drift.max ?? 0;
  const files = [...new Set(sources.map(({ into }) => into))];
  const before = await tallyBase(project, base, files, { root, signal });
  const found: FileDrift[] = [];
  for (const file of files) {
    const own = before.byFile.get(file);
    const comparedWith = own && own.rows >= MIN_OWN_ROWS ? "file" : "split";
    const old = comparedWith === "file" && own ? own : before.split;
    const now = new RowTally(old);
    const text = (await readFileAt(root, commit, posix.join(dir, file))) ?? "";
    for await (const { content, hash } of rowsOf(project, [Buffer.from(text)], file, signal)) {
      if (before.hashes.has(hash)) continue;
      before.hashes.add(hash);
      now.add(content);
    }
    if (now.rows === 0) continue;
    found.push({
      file,
      sources: sources.filter(({ into }) => into === file).map(({ name }) => name),
      rows: now.rows,
      rowsBefore: old.rows,
      comparedWith,
      measures: compareRows(old, now, max),
    });
  }
  return found;
}

interface BaseTally {
  readonly split: RowTally;
  /** By path, relative to the project's folder. */
  readonly byFile: ReadonlyMap<string, RowTally>;
  /** Of rows that are no news. */
  readonly hashes: Set<string>;
}

async function tallyBase(
  { config, dir }: Project,
  base: string,
  files: readonly string[],
  { root, signal }: FindDriftOptions,
): Promise<BaseTally> {
  const byFile = new Map(files.map((file) => [file, new RowTally()]));
  const [split, hashes] = [new RowTally(), new Set<string>()];
  const { state, projects } = await openBaseState(root, base);
  try {
    const project = projects.find((one) => one.config.name === config.name);
    for (const file of project ? (await listSplit(project, "train")).files : []) {
      const own = byFile.get(posix.relative(dir, file));
      for await (const { content, hash } of rowsOf({ config }, join(state.root, file), file, signal)) {
        split.add(content);
        own?.add(content);
        hashes.add(hash);
      }
    }
  } finally {
    await state.dispose();
  }
  return { split, byFile, hashes };
}

/** Those that can be read; the others are what validation is for. */
async function* rowsOf(
  { config }: Pick<Project, "config">,
  from: Parameters<typeof readJsonl>[0],
  file: string,
  signal: AbortSignal,
): AsyncGenerator<Row> {
  const parse = makeRowParser(config.data);
  for await (const item of readJsonl(from, { file, signal })) {
    if (item.kind === "issue") continue;
    const row = toRow(parse(item.value), file, item.line);
    if (row) yield row;
  }
}
