/** `gitune train`: one project's adapter. */
import { join, relative } from "node:path";
import {
  buildLock,
  type Device,
  type Project,
  readRows,
  takesValidationLoss,
  VALIDATION_SPLIT,
  writeLock,
} from "@gitune/core";
import type { TrainAdapterResult } from "@gitune/train";
import { HubBases } from "../hub-base/hub-bases.js";
import { lockParts } from "../lock-parts.js";
import { openProjectBase } from "../open-base.js";
import { deviceOption, pathFrom, positiveInteger, threadsOption } from "../options.js";
import { usableProject } from "../projects.js";
import { counted, formatSeconds } from "../terminal/table.js";
import type { Context, Outcome, Verb } from "../verb.js";

interface Options {
  readonly out?: string;
  readonly device?: Device;
  readonly threads?: number;
  readonly resume?: boolean;
  readonly maxSteps?: number;
  readonly smoke?: boolean;
  readonly preview?: number;
}

export const train: Verb = {
  configure: (command) =>
    command
      .argument("[project]", "the project's name; not needed where there is only one")
      .option("--out <folder>", "the adapter's folder (default: .gitune/adapters/<project>)")
      .addOption(deviceOption())
      .addOption(threadsOption())
      .option("--resume", "go on from the newest checkpoint in the adapter's folder")
      .option("--max-steps <n>", "stop after n optimizer steps, in place of the config's number", positiveInteger)
      .option("--smoke", "train two steps in a temporary folder: does everything work together?")
      .option("--preview <n>", "train nothing; show n rows with ⟦ ⟧ around what is learned", positiveInteger),
  examples: [
    ["gitune train support-tickets --smoke", "two steps: does this project train at all?"],
    ["gitune train support-tickets --out adapters/support --resume", "train, or go on after a stop"],
    ["gitune train support-tickets --preview 3", "see which parts of a row are learned"],
  ],
  exitCodes: {
    0: "trained; the folder loads in PEFT",
    2: "the config, a row or the base cannot be used",
    3: "the machine failed, the disk is full, or it was stopped: --resume goes on",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const project = await usableProject(context.cwd, command.args[0]);
    if (options.preview !== undefined) {
      const { previewRows } = await import("../train-preview.js");
      return previewRows(context, project, options.preview);
    }
    if (options.smoke) {
      const { smokeRun } = await import("../train-smoke.js");
      return smokeRun(context, project, options);
    }
    return trainProject(context, project, options);
  },
};

async function trainProject(context: Context, project: Project, options: Options): Promise<Outcome> {
  const { config, root } = project;
  const { engineEnvironment, trainAdapter } = await import("@gitune/train");
  const base = await openProjectBase(project, new HubBases(context), "weights");
  const out =
    options.out === undefined ? join(root, ".gitune", "adapters", config.name) : pathFrom(context.cwd, options.out);
  const result = await trainAdapter({
    project,
    base,
    rows: readRows(project, "train", context.signal),
    ...(takesValidationLoss(config) ? { validation: readRows(project, VALIDATION_SPLIT, context.signal) } : {}),
    out,
    ...(options.resume ? { resume: true } : {}),
    ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.device === undefined ? {} : { device: options.device }),
    onProgress: context.onProgress,
    onResume: (step, totalSteps) =>
      context.note(
        step === 0
          ? `There is no checkpoint in ${relative(context.cwd, out) || "."}: starting at step 1 of ${totalSteps}.`
          : `Going on from the checkpoint of step ${step} of ${totalSteps}.`,
      ),
    onWarning: ({ message }) => context.note(message),
    signal: context.signal,
  });
  const lock = await buildLock(project, lockParts(base, engineEnvironment(options.device ?? config.train.device)));
  await writeLock(result.adapterDir, lock);
  const [first, last] = [result.losses[0], result.losses.at(-1)];
  const loss = first === undefined || last === undefined ? "" : `, loss ${first.toFixed(3)} to ${last.toFixed(3)}`;
  const lines = [
    `Trained ${config.name}: ${counted(result.steps, "step")} in ${formatSeconds(result.seconds)}${loss}`,
    `  rows        ${result.rows.used} used, ${result.rows.cut} cut, ${result.rows.dropped} dropped`,
    `  tokens      ${result.tokens.toLocaleString("en")}, ${Math.round(result.tokensPerSecond)} a second`,
    ...validationLines(result),
    `  adapter     ${relative(context.cwd, result.adapterDir) || "."}`,
    `  sha256      ${result.adapterSha256}`,
  ];
  return {
    exitCode: 0,
    text: lines.join("\n"),
    document: {
      version: 1,
      project: config.name,
      adapter: { path: result.adapterDir, sha256: result.adapterSha256 },
      base: { id: base.id, revision: base.revision, sha256: base.sha256 },
      template_sha256: base.templateSha256,
      steps: result.steps,
      losses: result.losses,
      validation: result.validation,
      kept_step: result.keptStep,
      stopped_early: result.isStoppedEarly,
      tokens: result.tokens,
      seconds: result.seconds,
      tokens_per_second: result.tokensPerSecond,
      rows: result.rows,
    },
  };
}

/** What the validation losses said, and which state was kept for it; nothing without any. */
function validationLines({ validation, keptStep, isStoppedEarly, steps }: TrainAdapterResult): string[] {
  const [first, last] = [validation[0], validation.at(-1)];
  if (first === undefined || last === undefined) return [];
  const best = validation.reduce((lowest, record) => (record.loss < lowest.loss ? record : lowest));
  const kept = keptStep < steps ? `; kept the lowest, ${best.loss.toFixed(3)} at step ${keptStep}` : "";
  const stopped = isStoppedEarly ? "; stopped early" : "";
  const way = first === last ? last.loss.toFixed(3) : `${first.loss.toFixed(3)} to ${last.loss.toFixed(3)}`;
  return [`  validation  loss ${way}${kept}${stopped}`];
}
