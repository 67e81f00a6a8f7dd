/** `gitune init`: from a repository with rows, or an empty one, to projects, suites and workflows. Writes nothing over. */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { findRepoRoot, GituneError, printable, tryRef } from "@gitune/core";
import { Option } from "commander";
import { HubBases } from "../hub-base/hub-bases.js";
import { ask, askLine, canAsk } from "../init/ask.js";
import { DEFAULT_BASE, findBase } from "../init/base-choice.js";
import { type InitOptions, type NewProjectSummary, OWNER_HINTS, type Proposal, propose } from "../init/propose.js";
import { isHosted, refuseOpenRunner, type Visibility } from "../init/workflow-files.js";
import { type Kept, sortFiles, writeFiles } from "../init/write-proposal.js";
import { counted } from "../terminal/table.js";
import type { Context, Verb } from "../verb.js";

interface Options {
  readonly base?: string;
  readonly runner: string;
  readonly visibility?: Visibility;
  readonly action: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Skipped files that are named; `--json` has all. */
const MAX_SHOWN = 20;

export const init: Verb = {
  configure: (command) =>
    command
      .argument("[dir]", "the repository, or the folder of it to look for rows in", ".")
      .option(
        "--base <place>",
        "a folder or .gguf file of the repository, or <Hub id>@<commit> (default: one below models/)",
      )
      .option("--runner <labels>", "of the machine that trains on GitHub, separated by commas", "ubuntu-latest")
      .addOption(new Option("--visibility <who>", "who can open pull requests").choices(["public", "private"]))
      .option("--action <owner/name@ref>", "gitune's repository on GitHub", "gitune/gitune@v1")
      .option("-y, --yes", "do not ask")
      .option("--dry-run", "only say what would be written"),
  examples: [
    ["gitune init", "finds the rows here, proposes projects, asks, and writes what is not there yet"],
    ["gitune init --dry-run", "only says it"],
    ["gitune init my-data --yes --base models/gitune-tiny", "a folder of rows, with a base of the repository"],
    ["gitune init --runner self-hosted,gpu --visibility private", "trains on a machine of your own"],
  ],
  exitCodes: {
    0: "what was missing is there now, or would be",
    2: "the call is wrong: no such base, or a runner that anyone could use",
    3: "the machine failed",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const dir = resolve(context.cwd, command.args[0] ?? ".");
    if (!options.dryRun) await mkdir(dir, { recursive: true });
    const root = rootOf(dir);
    const asks = canAsk() && !options.yes && !options.dryRun && !options.json;
    const runner = options.runner
      .split(",")
      .map((label) => label.trim())
      .filter((label) => label !== "");
    const proposal = await propose({
      root,
      dir,
      cwd: context.cwd,
      bases: new HubBases(context),
      base: options.base ?? (asks ? await askForBase(root) : null),
      action: readAction(options.action),
      runner: readRunner(runner),
      visibility: await visibilityOf(options, runner, asks),
      signal: context.signal,
    });
    const { free, kept } = await sortFiles(root, proposal.files);
    const paths = free.map(({ path }) => path);
    let isWritten = !options.dryRun;
    if (asks && free.length > 0) {
      context.note(describe(proposal, paths, kept, "would write", context));
      isWritten = await ask(`Write ${counted(free.length, "file")}? [Y/n] `, /^(y|yes|)$/i);
    }
    if (isWritten) await writeFiles(root, free);
    const done = isWritten ? "wrote" : "would write";
    return {
      exitCode: 0,
      text: [
        describe(proposal, paths, kept, done, context),
        ...(isWritten ? [nextSteps(proposal, await hasCommit(root))] : []),
      ].join("\n"),
      document: toDocument(proposal, isWritten, paths, kept),
    };
  },
};

/** Outside of a repository, the folder itself is to be one. */
function rootOf(dir: string): string {
  try {
    return findRepoRoot(dir);
  } catch (error) {
    if (error instanceof GituneError && error.issues[0]?.code === "repo.not-found") return dir;
    throw error;
  }
}

/** Where the repository has no base. @returns null takes the one of the Hub */
async function askForBase(root: string): Promise<string | null> {
  if ((await findBase(root)) !== null) return null;
  const answer = await askLine(
    "There is no base model below models/. Which one is to be trained on: a folder or a .gguf file of this repository,\n" +
      `or <Hub id>@<commit>? [${DEFAULT_BASE.base}] `,
  );
  return answer === "" ? null : answer;
}

async function visibilityOf(
  { visibility }: Options,
  runner: readonly string[],
  asks: boolean,
): Promise<Visibility | null> {
  if (visibility !== undefined || isHosted(runner)) return visibility ?? null;
  if (asks && (await ask("Is the repository private, and stays so? [y/N] ", /^(y|yes)$/i))) return "private";
  refuseOpenRunner({ runner, visibility: null });
  return null;
}

/** Both end up in YAML, so neither may be more than what GitHub allows in such a name. */
function readAction(action: string): string {
  if (/^[\w.-]+\/[\w.-]+@[\w./-]+$/.test(action)) return action;
  throw usage(`--action takes owner/name@ref; found ${JSON.stringify(action)}`);
}

function readRunner(labels: readonly string[]): InitOptions["runner"] {
  if (labels.length > 0 && labels.every((label) => /^[\w.-]{1,100}$/.test(label))) return labels;
  throw usage("--runner takes labels of letters, digits, dots and dashes, separated by commas");
}

function usage(message: string): GituneError {
  return new GituneError({ code: "cli.usage", severity: "error", message, fix: "see gitune init --help" });
}

function describe(
  { projects, known, skipped, base }: Proposal,
  paths: readonly string[],
  kept: readonly Kept[],
  done: string,
  { colors }: Context,
): string {
  const shown = skipped.slice(0, MAX_SHOWN).map(({ file, reason }) => `  ${printable(file)}: ${printable(reason)}`);
  const more = skipped.length > shown.length ? [`  … and ${counted(skipped.length - shown.length, "more file")}`] : [];
  return [
    ...projects.flatMap((project) => describeProject(project, colors.bold(project.name))),
    ...known.map((name) => `${colors.bold(name)}  is a project already, and stays as it is`),
    `base  ${base.base}${base.revision === null ? "" : `@${base.revision}`}`,
    ...(shown.length > 0 ? ["not used:", ...shown, ...more] : []),
    ...(paths.length > 0 ? [`${done}:`, ...paths.map((path) => `  ${path}`)] : [`nothing to write`]),
    ...(kept.length > 0 ? ["kept:", ...kept.map(({ path, reason }) => `  ${path}: ${reason}`)] : []),
  ].join("\n");
}

function describeProject(
  { format, columns, isGuess, sources, rows, leftOut, sensitive }: NewProjectSummary,
  name: string,
): string[] {
  const mapped = Object.entries(columns).map(([field, column]) => `${field} = ${printable(JSON.stringify(column))}`);
  const [first] = sources;
  const from =
    first === undefined
      ? "an example"
      : printable(first) + (sources.length > 1 ? ` and ${counted(sources.length - 1, "more file")}` : "");
  return [
    `${name}  ${format}, from ${from}`,
    `  ${counted(rows.train, "row")} to train on, ${rows.validation} for validation, ${rows.suite} in the suite`,
    ...(mapped.length > 0
      ? [`  columns: ${mapped.join(", ")}${isGuess ? " (by their place alone: check them)" : ""}`]
      : []),
    ...leftOut.map(
      ({ reason, rows: count, first: place }) =>
        `  left out: ${counted(count, "row")} [${reason}], the first at ${printable(place)}`,
    ),
    ...sensitive.map(
      ({ kind, rows: count, first: place }) =>
        `  careful: ${counted(count, "row")} with ${kind}, the first at ${printable(place)}`,
    ),
  ];
}

async function hasCommit(root: string): Promise<boolean> {
  return (await tryRef(root, "HEAD").catch(() => null)) != null;
}

function nextSteps({ base, projects }: Proposal, hasCommit: boolean): string {
  const copied = projects.some(({ sources }) => sources.length > 0);
  return [
    "",
    "next:",
    ...(copied ? ["  the rows were copied below datasets/: the old files are no longer needed for gitune"] : []),
    ...(base.revision === null ? [] : fetchBase(base.base, base.revision)),
    "  keep .gitune/ out of git (.gitignore)",
    `  owners (.github/CODEOWNERS): ${OWNER_HINTS[1]?.slice(2).replace(/ +/g, " ")}`,
    ...(hasCommit ? [] : ["  git init && git commit --allow-empty -m start   (a change is compared with a commit)"]),
    "  npx gitune validate && npx gitune run",
    "  git add --all && git commit -m gitune",
  ].join("\n");
}

/** Rows can be checked without the base. */
function fetchBase(id: string, revision: string): readonly string[] {
  return [
    "  the base comes from the Hub the first time that it is needed, into the cache of Hugging Face tools; beforehand, with",
    `    hf download ${id} --revision ${revision}`,
  ];
}

function toDocument(
  { projects, known, skipped, base }: Proposal,
  isWritten: boolean,
  paths: readonly string[],
  kept: readonly Kept[],
) {
  return {
    version: 1,
    dry_run: !isWritten,
    base: { id: base.base, revision: base.revision },
    projects: projects.map(({ isGuess, leftOut, ...project }) => ({
      ...project,
      columns_guessed: isGuess,
      left_out: leftOut.map(({ reason, rows, first }) => ({ code: reason, rows, first })),
    })),
    known,
    written: paths,
    kept,
    skipped,
  };
}
