/** `gitune diff`: which rows differ between two states of the repository. */
import {
  type DiffFormat,
  type DiffPart,
  diffProjects,
  findRepoRoot,
  mergeBase,
  renderDiff,
  resolveRef,
  WORKTREE,
} from "@gitune/core";
import { Option } from "commander";
import type { Colors } from "picocolors/types.js";
import { positiveInteger } from "../options.js";
import type { Verb } from "../verb.js";

interface Options {
  readonly format: DiffFormat;
  readonly project?: readonly string[];
  readonly maxRows?: number;
}

export const diff: Verb = {
  configure: (command) =>
    command
      .argument("[states]", "<base>, or <base>..<head> (default: merge-base with the default branch .. working tree)")
      .addOption(new Option("--format <format>", "of the answer").choices(["text", "markdown", "json"]).default("text"))
      .option("--project <name...>", "only these projects")
      .option("--max-rows <n>", "rows shown of a split", positiveInteger),
  examples: [
    ["gitune diff", "what your branch changes, row by row, uncommitted work included"],
    ["gitune diff v1.2.0..v1.3.0 --format markdown", "between two tags, for release notes"],
  ],
  exitCodes: { 0: "shown, whether rows differ or not", 2: "git does not know a state, or a config cannot be used" },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const root = findRepoRoot(context.cwd);
    const { base, head } = await parseStates(root, command.args[0]);
    const result = await diffProjects({
      root,
      base,
      head,
      ...(options.project === undefined ? {} : { names: options.project }),
      signal: context.signal,
    });
    const text = renderDiff(result, options.format, {
      ...(options.maxRows === undefined ? {} : { maxRows: options.maxRows }),
      color: (part, piece) => paint(part, piece, context.colors),
    });
    return { exitCode: 0, text, document: result };
  },
};

/** `a..b` as git reads it; the working tree stands where no head is named. */
async function parseStates(root: string, states: string | undefined): Promise<{ base: string; head: string }> {
  if (states === undefined) return { base: await mergeBase(root), head: WORKTREE };
  const at = states.indexOf("..");
  if (at < 0) return { base: await resolveRef(root, states), head: WORKTREE };
  const [base, head] = [states.slice(0, at), states.slice(at + 2)];
  return {
    base: await resolveRef(root, base || "HEAD"),
    head: head === WORKTREE ? head : await resolveRef(root, head || "HEAD"),
  };
}

function paint(part: DiffPart, text: string, colors: Colors): string {
  const paints: Readonly<Record<DiffPart, Colors["bold"]>> = {
    title: colors.bold,
    added: colors.green,
    removed: colors.red,
    changed: colors.yellow,
    moved: colors.cyan,
    quiet: colors.dim,
  };
  return paints[part](text);
}
