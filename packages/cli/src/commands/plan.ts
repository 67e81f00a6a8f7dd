/** `gitune plan`: what `run` would have to compute, found out without a GPU; what needs no computing is judged. */
import { type Device, findRepoRoot, WORKTREE } from "@gitune/core";
import { openStore } from "../open-store.js";
import { deviceOption } from "../options.js";
import type { PipelineResult } from "../pipeline/result.js";
import { runPipeline } from "../pipeline/run-pipeline.js";
import { toDocument } from "../pipeline/to-document.js";
import { verdictWord } from "../terminal/verdict.js";
import type { Context, Verb } from "../verb.js";

interface Options {
  readonly base?: string;
  readonly head: string;
  readonly bare: boolean;
  readonly device?: Device;
}

export const plan: Verb = {
  configure: (command) =>
    command
      .argument("[project...]", "names; all projects without any")
      .option(
        "--base <ref>",
        "branch, tag or commit that the change is to be merged into (default: the default branch)",
      )
      .option("--head <ref>", "the changed state", WORKTREE)
      .option("--no-bare", "for a run that leaves out the base model without an adapter")
      .addOption(deviceOption()),
  examples: [
    ["gitune plan", "which projects your change makes train"],
    ["gitune plan --base origin/main --device cuda --json", "for a machine with a GPU, for a program"],
  ],
  exitCodes: {
    0: "fine so far; the projects listed as pending are still to be trained and gated",
    1: "a check or the gate says no to a project that needs no training",
    2: "a gitune.yaml, a base model or the call is wrong",
    3: "the machine failed",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const root = findRepoRoot(context.cwd);
    const result = await runPipeline({
      root,
      projects: command.args,
      head: options.head,
      store: await openStore(root, context),
      compute: false,
      bareBase: options.bare,
      ...(options.base === undefined ? {} : { base: options.base }),
      ...(options.device === undefined ? {} : { device: options.device }),
      onProgress: context.onProgress,
      signal: context.signal,
    });
    return { exitCode: result.exitCode, text: textOf(result, context), document: toDocument(result, root) };
  },
};

function textOf({ projects, pending }: PipelineResult, { colors }: Context): string {
  return [
    ...projects.map(({ name, status, verdict }) => `${verdictWord(verdict, colors)}  ${colors.bold(name)}  ${status}`),
    ...pending.map((name) => `pending  ${colors.bold(name)}  to be trained or evaluated: gitune run ${name}`),
  ].join("\n");
}
