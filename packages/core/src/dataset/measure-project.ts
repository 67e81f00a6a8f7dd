/** What a project's data is, in numbers: rows, tokens, labels, scripts and lengths, split by split. */
import { stat } from "node:fs/promises";
import type { CountTokens } from "../checks/check.js";
import { lastAnswer, wholeText } from "../checks/text.js";
import type { DataFormat, Project } from "../config/config.js";
import { canonicalJson, sha256Hex } from "../hash.js";
import { nativePath } from "../io/paths.js";
import { GituneError } from "../issue.js";
import type { IssueCode } from "../issue-codes.js";
import { readJsonl } from "../jsonl/read.js";
import type { OnProgress } from "../progress.js";
import type { RowContent } from "../row.js";
import { listSplit } from "./files.js";
import { type LabelCount, LabelTally } from "./label-tally.js";
import { Lengths, type Spread } from "./lengths.js";
import { makeRowParser, type RowParser, toRow } from "./parse-row.js";
import { userSchemaOf } from "./read-rows.js";
import { inspectSuite } from "./read-suite.js";
import { scriptOf } from "./script-of.js";

/** Tokens under the base's tokenizer and template. */
export interface TokenSpread extends Spread {
  /** Those that are learnt: of answers and their ends. */
  readonly supervised: number;
  /** Rows longer than `train.max_length`. */
  readonly over: number;
}

/** A split. All but `files`, `bytes`, `rows` and `unfit` is about the rows that can be used. */
export interface SplitStats {
  readonly split: string;
  readonly files: number;
  readonly bytes: number;
  /** Lines that are not blank. */
  readonly rows: number;
  /** Rows that are broken, do not have their format, or are refused by the base's template: `validate` says which. */
  readonly unfit: number;
  /** Rows whose content an earlier row of the project has, whatever its split. */
  readonly duplicates: number;
  /** Of a row's whole text, in code points. */
  readonly characters: Spread | null;
  /** Null where no tokenizer is at hand. */
  readonly tokens: TokenSpread | null;
  /** The last answers, most frequent first, where they are a few short ones that come again. */
  readonly labels: readonly LabelCount[] | null;
  /** Rows by the script that most of their letters are of. */
  readonly scripts: Readonly<Record<string, number>>;
}

/** An eval suite. */
export interface SuiteStats {
  readonly suite: string;
  /** Rows that can be used. */
  readonly rows: number;
  readonly labels: readonly LabelCount[] | null;
}

/** What `stats --json` prints of a project. Rows that it mixes in are counted where they are. */
export interface ProjectStats {
  readonly name: string;
  readonly format: DataFormat;
  /** As the config declares them. */
  readonly languages: readonly string[];
  readonly splits: readonly SplitStats[];
  readonly suites: readonly SuiteStats[];
}

export interface MeasureOptions {
  /** Null counts no tokens. */
  readonly countTokens?: CountTokens | null;
  /** In bytes of the splits. */
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Rows between two progress events. */
const PROGRESS_ROWS = 1000;
/** A file that is not there, and a pointer in place of a file: to count one bad row would be a lie. */
const UNREADABLE: ReadonlySet<IssueCode> = new Set(["file.unreadable", "jsonl.lfs"]);

/**
 * Measures a project's rows, in one pass.
 * @throws {GituneError} exit code 2 where a split has no files or the row schema cannot be used
 */
export async function measureProject(project: Project, options: MeasureOptions = {}): Promise<ProjectStats> {
  const { config } = project;
  const work: Work = {
    project,
    parse: makeRowParser(config.data, await userSchemaOf(project)),
    countTokens: options.countTokens ?? null,
    seen: new Set(),
    signal: options.signal,
  };
  const sized = await Promise.all(Object.keys(config.data.splits).map((split) => sizedFiles(project, split)));
  const total = sized.flatMap(({ files }) => files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  const splits: SplitStats[] = [];
  for (const one of sized) {
    const onBytes = (bytes: number) =>
      options.onProgress?.({ phase: "measure", done: doneBytes + bytes, total, unit: "bytes" });
    const measured = await measureSplit(one, work, onBytes);
    doneBytes += measured.bytes;
    onBytes(0);
    splits.push(measured);
  }
  const suites: SuiteStats[] = [];
  for (const suite of config.evals) {
    const { rows } = await inspectSuite(project, suite, options.signal);
    const labels = new LabelTally();
    for (const { label } of rows) labels.add(label);
    suites.push({ suite: suite.name, rows: rows.length, labels: labels.labels() });
  }
  return { name: config.name, format: config.data.format, languages: config.language, splits, suites };
}

interface Work {
  readonly project: Project;
  readonly parse: RowParser;
  readonly countTokens: CountTokens | null;
  /** Of every content so far, as the rule `duplicates` tells them apart. */
  readonly seen: Set<string>;
  readonly signal: AbortSignal | undefined;
}

interface SizedFiles {
  readonly split: string;
  readonly files: readonly { readonly file: string; readonly sizeBytes: number }[];
}

async function sizedFiles(project: Project, split: string): Promise<SizedFiles> {
  const { files, issues } = await listSplit(project, split);
  if (issues.length > 0) throw new GituneError(issues);
  const sizeOf = async (file: string) => ({ file, sizeBytes: (await stat(nativePath(project.root, file))).size });
  return { split, files: await Promise.all(files.map(sizeOf)) };
}

async function measureSplit(
  { split, files }: SizedFiles,
  work: Work,
  onBytes: (bytes: number) => void,
): Promise<SplitStats> {
  const { project, parse, seen, signal } = work;
  const counts = { rows: 0, unfit: 0, duplicates: 0, supervised: 0, over: 0 };
  const [characters, tokens] = [new Lengths(), new Lengths()];
  const labels = new LabelTally();
  const scripts = new Map<string, number>();
  let bytes = 0;
  for (const { file, sizeBytes } of files) {
    for await (const item of readJsonl(nativePath(project.root, file), { file, ...(signal ? { signal } : {}) })) {
      if (item.kind === "issue") {
        const { severity, code, line } = item.issue;
        if (UNREADABLE.has(code)) throw new GituneError({ ...item.issue, project: project.config.name });
        // Only what has a line of its own is a row; a byte order mark is none.
        if (severity !== "error" || line === undefined || code === "jsonl.bom") continue;
        counts.rows += 1;
        counts.unfit += 1;
        continue;
      }
      counts.rows += 1;
      if (counts.rows % PROGRESS_ROWS === 0) onBytes(bytes + item.byteOffset);
      const row = toRow(parse(item.value), file, item.line);
      const counted = row && countOf(row.content, work.countTokens);
      if (!row || !counted) {
        counts.unfit += 1;
        continue;
      }
      if (work.countTokens) {
        tokens.add(counted.total);
        counts.supervised += counted.supervised;
        if (counted.total > project.config.train.maxLength) counts.over += 1;
      }
      const key = sha256Hex(canonicalJson(row.content)).slice(0, 32);
      if (seen.has(key)) counts.duplicates += 1;
      seen.add(key);
      const text = wholeText(row.content);
      characters.add([...text].length);
      labels.add(lastAnswer(row.content));
      const script = scriptOf(text);
      scripts.set(script, (scripts.get(script) ?? 0) + 1);
    }
    bytes += sizeBytes;
  }
  const spread = tokens.spread();
  return {
    split,
    files: files.length,
    bytes,
    rows: counts.rows,
    unfit: counts.unfit,
    duplicates: counts.duplicates,
    characters: characters.spread(),
    tokens: spread && { ...spread, supervised: counts.supervised, over: counts.over },
    labels: labels.labels(),
    scripts: Object.fromEntries([...scripts].sort(([, a], [, b]) => b - a)),
  };
}

const UNCOUNTED = { total: 0, supervised: 0 } as const;

/** @returns null where the base's template refuses the row */
function countOf(content: RowContent, count: CountTokens | null): ReturnType<CountTokens> | null {
  if (!count) return UNCOUNTED;
  try {
    return count(content);
  } catch (error) {
    if (!(error instanceof GituneError) || error.exitCode === 3) throw error;
    return null;
  }
}
