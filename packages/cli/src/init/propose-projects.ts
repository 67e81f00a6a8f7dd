/** From files to projects: each file's format by its rows, its split and its company by its path. */
import { basename } from "node:path";
import { type DataFormat, type JsonValue, readJsonl } from "@gitune/core";
import { type Detected, detectFormat } from "./detect-format.js";
import { type FileRole, fileRole, type Split } from "./file-role.js";
import type { Skipped } from "./find-row-files.js";

/** A project to be, and the files that its rows come from. */
export interface Draft {
  readonly name: string;
  readonly format: DataFormat;
  readonly columns: Readonly<Record<string, string>>;
  /** The columns were told by their place alone. */
  readonly isGuess: boolean;
  readonly train: readonly string[];
  readonly validation: readonly string[];
  readonly evals: readonly string[];
  /** Files that are suites as they are. */
  readonly suites: readonly string[];
}

const SAMPLE_ROWS = 100;
/** So many projects of one folder and format are shards with names of their own. */
const MAX_PER_FOLDER = 8;
/** More than a repository has; the rest is listed. */
const MAX_PROJECTS = 50;

interface Seen {
  readonly file: string;
  readonly role: FileRole;
  readonly found: Detected;
}
type SeenRows = Seen & { readonly found: Extract<Detected, { kind: "rows" }> };

/** Proposes projects. @param files paths from the root */
export async function proposeProjects(
  root: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly drafts: readonly Draft[]; readonly skipped: readonly Skipped[] }> {
  const skipped: Skipped[] = [];
  const seen: Seen[] = [];
  for (const file of files) {
    const sample = await readSample(root, file, signal);
    const found = detectFormat(sample);
    if (!found) {
      skipped.push({
        file,
        reason: sample.length === 0 ? "no line of it is JSON" : `no format fits its rows${keysOf(sample)}`,
      });
    } else if (found.kind === "rows" && found.format === "preference") {
      skipped.push({ file, reason: "its rows are preferences, which gitune checks but cannot train on yet" });
    } else {
      seen.push({ file, role: fileRole(file, basename(root)), found });
    }
  }
  const rows = seen.filter((one): one is SeenRows => one.found.kind === "rows");
  const groups = joinShards(
    groupBy(rows, ({ role, found }) => JSON.stringify([role.group, found.format, found.columns])),
  );
  const suites = seen.filter(({ found }) => found.kind === "suite");
  const used = new Set<string>();
  const drafts: Draft[] = [];
  for (const group of groups) {
    const [first] = group;
    if (!first) continue;
    if (drafts.length >= MAX_PROJECTS) {
      skipped.push(...group.map(({ file }) => ({ file, reason: `there are more than ${MAX_PROJECTS} projects` })));
      continue;
    }
    const own = suites.filter(({ file, role }) => !used.has(file) && belongs(role, group));
    for (const { file } of own) used.add(file);
    drafts.push(
      toDraft(
        group,
        first,
        own.map(({ file }) => file),
        drafts,
      ),
    );
  }
  for (const { file } of suites) {
    if (!used.has(file)) skipped.push({ file, reason: "it is an eval suite without rows to train on beside it" });
  }
  return { drafts, skipped };
}

async function readSample(root: string, file: string, signal: AbortSignal): Promise<JsonValue[]> {
  const sample: JsonValue[] = [];
  let lines = 0;
  for await (const item of readJsonl(`${root}/${file}`, { file, signal })) {
    if (item.kind === "row") sample.push(item.value);
    lines += 1;
    if (sample.length >= SAMPLE_ROWS || lines >= 10 * SAMPLE_ROWS) break;
  }
  return sample;
}

function keysOf([row]: readonly JsonValue[]): string {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return "";
  const keys = Object.keys(row)
    .slice(0, 8)
    .map((key) => key.slice(0, 40));
  return keys.length === 0 ? "" : `, with keys ${keys.join(", ")}`;
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups.values()];
}

/** A thousand files of one folder and format are one project. */
function joinShards(groups: readonly SeenRows[][]): SeenRows[][] {
  const byFolder = groupBy(groups, ([first]) =>
    JSON.stringify([first?.role.folder, first?.found.format, first?.found.columns]),
  );
  return byFolder.flatMap((all) => (all.length > MAX_PER_FOLDER ? [all.flat()] : all));
}

/** A suite goes with the rows of its own name, or with the only rows of its folder. */
function belongs(role: FileRole, group: readonly SeenRows[]): boolean {
  return (
    group.some((one) => one.role.group === role.group) ||
    group.some((one) => one.role.folder === role.folder && role.split === "eval")
  );
}

function toDraft(
  group: readonly SeenRows[],
  first: SeenRows,
  suites: readonly string[],
  before: readonly Draft[],
): Draft {
  const filesOf = (split: Split) => group.filter(({ role }) => role.split === split).map(({ file }) => file);
  const unnamed = group.filter(({ role }) => role.split === null).map(({ file }) => file);
  const [train, validation, evals] = [[...filesOf("train"), ...unnamed].sort(), filesOf("validation"), filesOf("eval")];
  const { format, columns } = first.found;
  const shared = {
    name: freeName(nameOf(group, first), before),
    format,
    columns,
    isGuess: first.found.isGuess,
    suites,
  };
  // A lone test.jsonl is all that there is to learn from.
  if (train.length === 0) return { ...shared, train: [...validation, ...evals], validation: [], evals: [] };
  return { ...shared, train, validation, evals };
}

function nameOf(group: readonly SeenRows[], first: SeenRows): string {
  const isJoined = group.some(({ role }) => role.group !== first.role.group);
  return isJoined ? fileRole(`${first.role.folder}/data.jsonl`, first.role.name).name : first.role.name;
}

function freeName(name: string, before: readonly Draft[]): string {
  const taken = new Set(before.map((draft) => draft.name));
  if (!taken.has(name)) return name;
  for (let n = 2; ; n += 1) if (!taken.has(`${name}-${n}`)) return `${name}-${n}`;
}
