/** `gitune plan`: what `run` would have to compute, found out without a GPU; what needs no computing is judged. */
import { findRepoRoot } from "@gitune/core";
import { addChangeOptions, type ChangeOptions, changeOf } from "../change-options.js";
import { HubBases } from "../hub-base/hub-bases.js";
import { openStore } from "../open-store.js";
import type { PipelineResult } from "../pipeline/result.js";
import { runPipeline } from "../pipeline/run-pipeline.js";
import { toDocument } from "../pipeline/to-document.js";
import { verdictWord } from "../terminal/verdict.js";
import type { Context, Verb } from "../verb.js";

export const plan: Verb = {
  configure: (command) => addChangeOptions(command, "for a run that leaves out the base model without an adapter"),
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
    const root = findRepoRoot(context.cwd);
    const result = await runPipeline({
      root,
      projects: command.args,
      store: await openStore(root, context),
      bases: new HubBases(context),
      compute: false,
      ...changeOf(command.opts<ChangeOptions>()),
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
