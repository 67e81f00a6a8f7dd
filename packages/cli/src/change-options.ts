/** What `run` and `plan` can be asked about a change. */
import { type Device, WORKTREE } from "@gitune/core";
import type { Command } from "commander";
import { deviceOption } from "./options.js";
import type { PipelineOptions } from "./pipeline/run-pipeline.js";

export interface ChangeOptions {
  readonly base?: string;
  readonly head: string;
  readonly bare: boolean;
  readonly device?: Device;
}

/** @param noBare what it means to leave out the base model without an adapter */
export function addChangeOptions(command: Command, noBare: string): Command {
  return command
    .argument("[project...]", "names; all projects without any")
    .option("--base <ref>", "branch, tag or commit that the change is to be merged into (default: the default branch)")
    .option("--head <ref>", "the changed state", WORKTREE)
    .option("--no-bare", noBare)
    .addOption(deviceOption());
}

/** The same for the pipeline. */
export function changeOf({ base, head, bare, device }: ChangeOptions) {
  return {
    head,
    bareBase: bare,
    ...(base === undefined ? {} : { base }),
    ...(device === undefined ? {} : { device }),
  } satisfies Partial<PipelineOptions>;
}
