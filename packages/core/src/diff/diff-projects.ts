/** The row-level difference of two states of the repository. Values are read only for the rows that differ. */
import { type FileHandle, open } from "node:fs/promises";
import type { Project } from "../config/config.js";
import { CONFIG_FILE, discoverProjects, PROJECTS_FOLDER } from "../config/discover.js";
import { listSplit } from "../dataset/files.js";
import { keyOfHash } from "../dataset/parse-row.js";
import type { DatasetDiff, ProjectDiff, RowChange, SplitDiff } from "../diff-types.js";
import { resolveRef } from "../git/refs.js";
import { listTree, type OpenState, openFiles, openState, type TreeFile, WORKTREE } from "../git/state.js";
import { canonicalJson, sha256Hex } from "../hash.js";
import { nativePath } from "../io/paths.js";
import { GituneError } from "../issue.js";
import { readJsonl } from "../jsonl/read.js";
import type { JsonObject } from "../row.js";
import { addedChange, changedChange, movedChange, type PlacedRow, removedChange, sortChanges } from "./diff-rows.js";
import { type JoinRow, joinRows, type Pair } from "./join.js";
import { pairEdited } from "./pair-edited.js";

/** Rows listed of a split; the counts are always exact. More than anyone reads, little enough for memory. */
const MAX_LISTED_ROWS = 10_000;
/** Of the values listed of a split. */
const MAX_LISTED_BYTES = 64 * 1024 * 1024;
/** Rows of either side that edits are looked for among; a change of more rows is no edit by hand. */
const MAX_EDITED_ROWS = 20_000;

export interface DiffOptions {
  readonly root: string;
  /** A commit's name, or `worktree`. */
  readonly base: string;
  readonly head: string;
  /** Only these projects; all by default. */
  readonly names?: readonly string[];
  /** Rows listed of a split; 10,000 by default. */
  readonly maxRows?: number;
  readonly signal?: AbortSignal;
}

/**
 * Diffs two states, read from git's objects. Projects are paired by name; one that is in a single state has all its
 * rows added or removed. Lines that hold no JSON object are left out: `validateProject` reports them.
 * @throws {GituneError} where the head has a config that cannot be used, or a named project is in neither state
 */
export async function diffProjects(options: DiffOptions): Promise<DatasetDiff> {
  const { root, names = [] } = options;
  const head = await openProjects(root, options.head);
  try {
    const base = await openProjects(root, options.base);
    try {
      const broken = head.issues.filter(
        ({ project }) => names.length === 0 || (project !== undefined && names.includes(project)),
      );
      if (broken.length > 0) throw new GituneError(broken);
      const pairs = pairProjects(base.projects, head.projects).filter(
        ({ name }) => names.length === 0 || names.includes(name),
      );
      const missing = names.filter((name) => !pairs.some((pair) => pair.name === name));
      // Asks again by name, for the error that says which names there are.
      if (missing.length > 0) await discoverProjects(head.root, missing);
      const projects: ProjectDiff[] = [];
      for (const pair of pairs) projects.push(await diffProject(pair, base, head, options));
      return { version: 1, base: base.sha, head: head.sha, projects };
    } finally {
      await base.dispose();
    }
  } finally {
    await head.dispose();
  }
}

interface ProjectState extends OpenState {
  /** With `root` of the repository: for what their configs say. */
  readonly projects: readonly Project[];
  readonly issues: Awaited<ReturnType<typeof discoverProjects>>["issues"];
  /** The repository. */
  readonly repository: string;
  /** Of the projects' folder; none of the working tree. */
  readonly files: readonly TreeFile[];
}

/** Only the configs; a project's rows are written out when their turn comes. */
async function openProjects(root: string, ref: string): Promise<ProjectState> {
  const sha = ref === WORKTREE ? WORKTREE : await resolveRef(root, ref);
  const files = sha === WORKTREE ? [] : await listTree(root, sha, [PROJECTS_FOLDER]);
  const configs = files.map(({ path }) => path).filter((path) => path.endsWith(`/${CONFIG_FILE}`));
  const state = await openState(root, sha, configs);
  try {
    const { projects, issues } = await discoverProjects(state.root);
    return { ...state, projects, issues, repository: root, files };
  } catch (error) {
    await state.dispose();
    throw error;
  }
}

interface ProjectPair {
  readonly name: string;
  readonly base: Project | null;
  readonly head: Project | null;
}

function pairProjects(base: readonly Project[], head: readonly Project[]): ProjectPair[] {
  const names = new Set([...base, ...head].map(({ config }) => config.name));
  const byName = (projects: readonly Project[], name: string): Project | null =>
    projects.find(({ config }) => config.name === name) ?? null;
  return [...names].sort().map((name) => ({ name, base: byName(base, name), head: byName(head, name) }));
}

async function diffProject(
  pair: ProjectPair,
  base: ProjectState,
  head: ProjectState,
  options: DiffOptions,
): Promise<ProjectDiff> {
  // A base whose config an older version wrote is read with the head's: its rows are there all the same.
  const asBefore =
    pair.base ?? (pair.head && base.issues.some(({ file }) => file === pair.head?.configFile) ? pair.head : null);
  const after = await openRows(pair.head, head);
  try {
    // Of many projects most are as they were: writing their files out takes most of the time.
    const before = isUntouched(asBefore, base, pair.head, head) ? after : await openRows(asBefore, base);
    try {
      const splits: SplitDiff[] = [];
      const names = new Set([...splitsOf(before.project), ...splitsOf(after.project)]);
      const hasIds =
        before.project?.config.data.id === after.project?.config.data.id && after.project?.config.data.id !== null;
      for (const split of names) {
        const [from, to] = [
          await indexSplit(before, split, options.signal),
          await indexSplit(after, split, options.signal),
        ];
        splits.push(
          await diffSplit(split, from, to, { hasIds, max: options.maxRows ?? MAX_LISTED_ROWS, before, after }),
        );
      }
      return { name: pair.name, splits };
    } finally {
      if (before !== after) await before.close();
    }
  } finally {
    await after.close();
  }
}

/** Whether two commits have the very same project: its config, and every file below its folder. */
function isUntouched(before: Project | null, base: ProjectState, after: Project | null, head: ProjectState): boolean {
  if (before === null || after === null || before.dir !== after.dir) return false;
  if (base.sha === WORKTREE || head.sha === WORKTREE) return false;
  const listed = (state: ProjectState) => filesBelow(state, after.dir).map(({ path, sha }) => `${path}\0${sha}`);
  return listed(base).join("\n") === listed(head).join("\n");
}

function filesBelow({ files }: ProjectState, dir: string): readonly TreeFile[] {
  return files.filter(({ path }) => path.startsWith(`${dir}/`));
}

function splitsOf(project: Project | null): string[] {
  return project ? Object.keys(project.config.data.splits) : [];
}

/** A row's place in its file; its value is read again when it is needed. */
interface IndexedRow extends JoinRow {
  readonly byteOffset: number;
  readonly byteLength: number;
}

interface OpenRows {
  readonly project: Project | null;
  value(row: IndexedRow): Promise<JsonObject>;
  close(): Promise<void>;
}

async function openRows(project: Project | null, state: ProjectState): Promise<OpenRows> {
  if (!project)
    return { project: null, value: () => Promise.reject(new Error("no project")), close: async () => undefined };
  const opened =
    state.sha === WORKTREE ? null : await openFiles(state.repository, state.sha, filesBelow(state, project.dir));
  const placed: Project = { ...project, root: opened?.root ?? state.root };
  const handles = new Map<string, FileHandle>();
  return {
    project: placed,
    async value({ file, byteOffset, byteLength }) {
      let handle = handles.get(file);
      if (!handle) {
        handle = await open(nativePath(placed.root, `${placed.dir}/${file}`));
        handles.set(file, handle);
      }
      const bytes = Buffer.alloc(byteLength);
      await handle.read(bytes, 0, byteLength, byteOffset);
      return JSON.parse(bytes.toString("utf8")) as JsonObject;
    },
    async close() {
      for (const handle of handles.values()) await handle.close();
      await opened?.dispose();
    },
  };
}

/** Files are named relative to the project's folder, so that a folder that was renamed is the same project. */
async function indexSplit({ project }: OpenRows, split: string, signal?: AbortSignal): Promise<IndexedRow[]> {
  if (!project || !Object.hasOwn(project.config.data.splits, split)) return [];
  const { id } = project.config.data;
  const rows: IndexedRow[] = [];
  for (const path of (await listSplit(project, split)).files) {
    const file = path.slice(project.dir.length + 1);
    for await (const item of readJsonl(nativePath(project.root, path), { file: path, ...(signal ? { signal } : {}) })) {
      // Left out, it would be a split without rows.
      if (item.kind === "issue" && item.issue.code === "jsonl.lfs")
        throw new GituneError({ ...item.issue, file: path });
      if (item.kind === "issue" || typeof item.value !== "object" || item.value === null || Array.isArray(item.value))
        continue;
      const hash = sha256Hex(canonicalJson(item.value));
      const written = id === null ? undefined : (item.value as JsonObject)[id];
      const key = typeof written === "string" || typeof written === "number" ? String(written) : keyOfHash(hash);
      rows.push({ key, hash, file, line: item.line, byteOffset: item.byteOffset, byteLength: item.byteLength });
    }
  }
  return rows;
}

interface SplitSides {
  readonly hasIds: boolean;
  readonly max: number;
  readonly before: OpenRows;
  readonly after: OpenRows;
}

async function diffSplit(split: string, from: IndexedRow[], to: IndexedRow[], sides: SplitSides): Promise<SplitDiff> {
  const joined = joinRows(from, to);
  let { removed, added } = joined;
  let changed = joined.changed;
  const fewEnough = removed.length <= MAX_EDITED_ROWS && added.length <= MAX_EDITED_ROWS;
  if (!sides.hasIds && fewEnough && removed.length > 0 && added.length > 0) {
    const values = new Map<IndexedRow, JsonObject>();
    for (const row of removed) values.set(row, await sides.before.value(row));
    for (const row of added) values.set(row, await sides.after.value(row));
    const edited = pairEdited(removed, added, (row) => values.get(row) ?? {});
    changed = [...changed, ...edited.pairs];
    ({ removed, added } = edited);
  }
  return {
    split,
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    moved: joined.moved.length,
    unchanged: joined.unchanged.length,
    rows: await listChanges({ ...joined, removed, added, changed }, sides),
  };
}

/** Reads the values of the first changes; moves come last, since they say least. */
async function listChanges(
  {
    removed,
    added,
    changed,
    moved,
  }: {
    removed: readonly IndexedRow[];
    added: readonly IndexedRow[];
    changed: readonly Pair<IndexedRow>[];
    moved: readonly Pair<IndexedRow>[];
  },
  { before, after, max }: SplitSides,
): Promise<RowChange[]> {
  let bytes = 0;
  const placed = async (side: OpenRows, row: IndexedRow): Promise<PlacedRow> => {
    bytes += row.byteLength;
    return {
      key: row.key,
      value: await side.value(row),
      file: `${side.project?.dir ?? ""}/${row.file}`,
      line: row.line,
    };
  };
  const pairOf = async (pair: Pair<IndexedRow>): Promise<Pair<PlacedRow>> => ({
    before: await placed(before, pair.before),
    after: await placed(after, pair.after),
  });
  const work: (() => Promise<RowChange>)[] = [
    ...changed.map((pair) => async () => changedChange(await pairOf(pair))),
    ...removed.map((row) => async () => removedChange(await placed(before, row))),
    ...added.map((row) => async () => addedChange(await placed(after, row))),
    ...moved.map((pair) => async () => movedChange(await pairOf(pair))),
  ];
  const changes: RowChange[] = [];
  for (const make of work) {
    if (changes.length >= max || bytes >= MAX_LISTED_BYTES) break;
    changes.push(await make());
  }
  return sortChanges(changes);
}
