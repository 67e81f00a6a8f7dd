/** What `gitune init` would write into a repository, as data; nothing is written here. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import {
  CONFIG_FILE,
  CONFIG_SCHEMA,
  type DataFormat,
  discoverProjects,
  findOverlaps,
  PROJECTS_FOLDER,
  readSuites,
  type SuiteRows,
} from "@gitune/core";
import type { HubBases } from "../hub-base/hub-bases.js";
import { type BaseChoice, chooseBase } from "./base-choice.js";
import { configText, SCHEMA_FILE } from "./config-text.js";
import { DividedRows, type LeftOut, type SuiteRow, toEvalRow } from "./divide-rows.js";
import { EXAMPLE_SUITE, EXAMPLE_TRAIN } from "./example.js";
import { asLabels, readExistingSuites } from "./existing-suite.js";
import { findRowFiles, type Skipped } from "./find-row-files.js";
import { findSensitive, type Sensitive } from "./find-sensitive.js";
import { type Draft, proposeProjects } from "./propose-projects.js";
import { type Visibility, workflowFiles } from "./workflow-files.js";

export interface InitOptions {
  /** The repository's root, absolute. */
  readonly root: string;
  /** The folder to look for rows in, absolute, in the root. */
  readonly dir: string;
  readonly cwd: string;
  readonly base: string | null;
  /** Where bases from the Hub are. */
  readonly bases: HubBases;
  readonly action: string;
  readonly runner: readonly string[];
  readonly visibility: Visibility | null;
  readonly signal: AbortSignal;
}

/** A file to be, relative to the root. */
export interface NewFile {
  readonly path: string;
  readonly content: () => Iterable<string> | AsyncIterable<string>;
}

/** A project to be, and what became of its rows. */
export interface NewProjectSummary {
  readonly name: string;
  readonly format: DataFormat;
  readonly columns: Readonly<Record<string, string>>;
  readonly isGuess: boolean;
  readonly sources: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number; readonly suite: number };
  readonly leftOut: readonly LeftOut[];
  readonly sensitive: readonly Sensitive[];
}

export interface Proposal {
  readonly base: BaseChoice;
  readonly projects: readonly NewProjectSummary[];
  readonly files: readonly NewFile[];
  /** Names of proposed projects that the repository has already. */
  readonly known: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** Proposes. @throws {GituneError} exit code 2: a base that is not there, a runner that would be open to anyone */
export async function propose(options: InitOptions): Promise<Proposal> {
  const { root, signal } = options;
  const workflows = workflowFiles(options);
  const base = await chooseBase(root, options.cwd, options.base, options.bases);
  const { projects: present } = await discoverProjects(root);
  const found = await findRowFiles(root, options.dir);
  const isTaken = (file: string) => present.some(({ dir }) => file.startsWith(`${dir}/`));
  const { drafts, skipped } = await proposeProjects(
    root,
    found.files.filter((file) => !isTaken(file)),
    signal,
  );
  const isKnown = await Promise.all(drafts.map(({ name }) => exists(root, `${folderOf(name)}/${CONFIG_FILE}`)));
  const fresh = drafts.filter((_, index) => !isKnown[index]);

  const made = await Promise.all(fresh.map((draft) => begin(options, draft, base)));
  const suites: SuiteRows[] = [
    ...(await readSuites(present, signal)),
    ...made.map(({ draft, suite }) => ({ project: draft.name, suite: "first", rows: suite.map(toEvalRow) })),
  ];
  const overlaps = findOverlaps(suites);
  const projects: NewProjectSummary[] = [];
  const files: NewFile[] = [];
  const tooFew: Skipped[] = [];
  for (const one of made) {
    const { draft, rows, suite } = one;
    const counts = await rows.assign(overlaps);
    if (counts.train === 0 || suite.length === 0) {
      tooFew.push(
        ...draft.train.map((file) => ({ file, reason: "it has too few usable rows for training and a suite" })),
      );
      continue;
    }
    projects.push(summarize(one, counts));
    files.push(...(await projectFiles(root, base, one, counts)));
  }
  const isEmpty = drafts.length === 0 && present.length === 0;
  if (isEmpty) {
    projects.push(EXAMPLE);
    files.push(...exampleFiles(base));
  }
  return {
    base,
    projects,
    files: [...files, ...repositoryFiles(workflows)],
    known: drafts.filter((_, index) => isKnown[index]).map(({ name }) => name),
    skipped: [...found.skipped, ...skipped, ...tooFew],
  };
}

interface Begun {
  readonly draft: Draft;
  readonly rows: DividedRows;
  readonly suite: readonly SuiteRow[];
  readonly sensitive: readonly Sensitive[];
}

async function begin({ root, signal }: InitOptions, draft: Draft, base: BaseChoice): Promise<Begun> {
  const rows = new DividedRows(root, draft, base.tokens, signal);
  const existing = draft.suites.length > 0 ? await readExistingSuites(root, draft, signal) : [];
  const suite = existing.length > 0 ? existing : asLabels(await rows.holdOut());
  return { draft, rows, suite, sensitive: await findSensitive(root, sourcesOf(draft), signal) };
}

function sourcesOf({ train, validation, evals, suites }: Draft): readonly string[] {
  return [...train, ...validation, ...evals, ...suites];
}

function summarize(
  { draft, rows, suite, sensitive }: Begun,
  counts: { train: number; validation: number },
): NewProjectSummary {
  const { name, format, columns, isGuess } = draft;
  return {
    name,
    format,
    columns,
    isGuess,
    sources: sourcesOf(draft),
    rows: { ...counts, suite: suite.length },
    leftOut: rows.leftOut(),
    sensitive,
  };
}

function folderOf(name: string): string {
  return `${PROJECTS_FOLDER}/${name}`;
}

async function projectFiles(
  root: string,
  base: BaseChoice,
  { draft, rows, suite, sensitive }: Begun,
  counts: { train: number; validation: number },
): Promise<readonly NewFile[]> {
  const dir = folderOf(draft.name);
  const train = await freePath(root, dir, "train.jsonl");
  const validation = counts.validation > 0 ? await freePath(root, dir, "validation.jsonl") : null;
  const suiteFile = await freePath(root, dir, "evals/first.jsonl");
  const config = configText({
    name: draft.name,
    description: `Rows of ${draft.train.length === 1 ? "one file" : `${draft.train.length} files`}, taken over by gitune init.`,
    format: draft.format,
    columns: draft.columns,
    splits: { train, ...(validation ? { validation } : {}) },
    suiteFile,
    suite,
    trainRows: counts.train,
    longest: rows.longest,
    isSensitive: sensitive.length > 0,
    base,
  });
  return [
    text(`${dir}/${CONFIG_FILE}`, config),
    { path: `${dir}/${train}`, content: () => jsonLines(rows.rowsOf("train")) },
    ...(validation ? [{ path: `${dir}/${validation}`, content: () => jsonLines(rows.rowsOf("validation")) }] : []),
    { path: `${dir}/${suiteFile}`, content: () => jsonLines(suite) },
  ];
}

/** The folder may have files already, such as those that the rows come from. */
async function freePath(root: string, dir: string, name: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? name : name.replace(/\.jsonl$/, `-${n}.jsonl`);
    if (!(await exists(root, `${dir}/${candidate}`))) return candidate;
  }
}

/** Whether something is there, be it a link to nowhere. */
export async function exists(root: string, path: string): Promise<boolean> {
  return (await lstat(join(root, ...path.split("/"))).catch(() => null)) !== null;
}

async function* jsonLines(rows: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}

function text(path: string, content: string): NewFile {
  return { path, content: () => [content] };
}

const EXAMPLE: NewProjectSummary = {
  name: "example",
  format: "messages",
  columns: {},
  isGuess: false,
  sources: [],
  rows: { train: EXAMPLE_TRAIN.length, validation: 0, suite: EXAMPLE_SUITE.length },
  leftOut: [],
  sensitive: [],
};

function exampleFiles(base: BaseChoice): readonly NewFile[] {
  const { name, format } = EXAMPLE;
  const config = configText({
    name,
    description: "Plurals, as an example: put rows of your own in their place.",
    format,
    columns: {},
    splits: { train: "train.jsonl" },
    suiteFile: "evals/first.jsonl",
    suite: EXAMPLE_SUITE,
    trainRows: EXAMPLE_TRAIN.length,
    longest: 0,
    isSensitive: false,
    base,
  });
  return [
    text(`${folderOf(name)}/${CONFIG_FILE}`, config),
    { path: `${folderOf(name)}/train.jsonl`, content: () => jsonLines(EXAMPLE_TRAIN) },
    { path: `${folderOf(name)}/evals/first.jsonl`, content: () => jsonLines(EXAMPLE_SUITE) },
  ];
}

/** Where GitHub looks for owners, in its order. */
export const CODEOWNERS = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] as const;

/** Commented out: a name that GitHub does not know makes the whole line void. */
export const OWNER_HINTS: readonly string[] = [
  "# Who must approve what a model learns, how it is judged, and what may write here:",
  "# /datasets/            @your-org/data-team",
  "# /datasets/**/evals/   @your-org/eval-team",
  "# /datasets/**/gitune.yaml @your-org/eval-team",
  "# /.github/workflows/   @your-org/platform-team",
];

function repositoryFiles(workflows: Readonly<Record<string, string>>): readonly NewFile[] {
  const editor = { "yaml.schemas": { [`./${SCHEMA_FILE}`]: [`${PROJECTS_FOLDER}/**/${CONFIG_FILE}`] } };
  return [
    text(SCHEMA_FILE, `${JSON.stringify(CONFIG_SCHEMA, null, 2)}\n`),
    ...Object.entries(workflows).map(([path, content]) => text(path, content)),
    text(CODEOWNERS[0], `${OWNER_HINTS.join("\n")}\n`),
    text(".vscode/settings.json", `${JSON.stringify(editor, null, 2)}\n`),
    text(".gitignore", "node_modules/\n.gitune/\n"),
  ];
}
