/** `gitune train`: one project's adapter. */
import { join, relative } from "node:path";
import { buildLock, readRows, takesValidationLoss, VALIDATION_SPLIT, writeLock } from "@gitune/core";
import type { TrainAdapterResult } from "@gitune/train";
import type { Command } from "commander";
import { lockParts } from "../lock-parts.js";
import { deviceOption, pathFrom, positiveInteger, threadsOption } from "../options.js";
import { usableProject } from "../projects.js";
import { counted, formatSeconds } from "../terminal/table.js";
import type { Context, Outcome, Verb } from "../verb.js";

interface Options {
  readonly out?: string;
  readonly device?: Parameters<typeof import("@gitune/train").deviceClass>[0];
  readonly threads?: number;
  readonly resume?: boolean;
  readonly maxSteps?: number;
  readonly smoke?: boolean;
  readonly preview?: number;
}

/** Enough to see that data, template, base and device work together. */
const SMOKE_STEPS = 2;

export const train: Verb = {
  configure: (command) =>
    command
      .argument("[project]", "the project's name; not needed where there is only one")
      .option("--out <folder>", "the adapter's folder (default: .gitune/adapters/<project>)")
      .addOption(deviceOption())
      .addOption(threadsOption())
      .option("--resume", "go on from the newest checkpoint in the adapter's folder")
      .option("--max-steps <n>", "stop after n optimizer steps, in place of the config's number", positiveInteger)
      .option("--smoke", `train ${SMOKE_STEPS} steps only, to see that everything works together`)
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
    return options.preview === undefined
      ? trainProject(context, command, options)
      : preview(context, command, options.preview);
  },
};

async function trainProject(context: Context, command: Command, options: Options): Promise<Outcome> {
  const project = await usableProject(context.cwd, command.args[0]);
  const { config, root, dir } = project;
  const { engineEnvironment, openBase, trainAdapter } = await import("@gitune/train");
  const base = await openBase({ root, projectDir: dir, base: config.train.base, revision: config.train.revision });
  const out =
    options.out === undefined ? join(root, ".gitune", "adapters", config.name) : pathFrom(context.cwd, options.out);
  const maxSteps = options.maxSteps ?? (options.smoke ? SMOKE_STEPS : undefined);
  const result = await trainAdapter({
    project,
    base,
    rows: readRows(project, "train", context.signal),
    ...(takesValidationLoss(config) ? { validation: readRows(project, VALIDATION_SPLIT, context.signal) } : {}),
    out,
    ...(options.resume ? { resume: true } : {}),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.device === undefined ? {} : { device: options.device }),
    onProgress: context.onProgress,
    onResume: (step, totalSteps) => context.note(`Going on from the checkpoint of step ${step} of ${totalSteps}.`),
    onWarning: ({ message }) => context.note(message),
    signal: context.signal,
  });
  const lock = await buildLock(project, lockParts(base, engineEnvironment(options.device ?? config.train.device)));
  await writeLock(result.adapterDir, lock);
  const [first, last] = [result.losses[0], result.losses.at(-1)];
  const loss = first === undefined || last === undefined ? "" : `, loss ${first.toFixed(3)} to ${last.toFixed(3)}`;
  const lines = [
    `Trained ${config.name}: ${counted(result.steps, "step")} in ${formatSeconds(result.seconds)}${loss}`,
    `  rows      ${result.rows.used} used, ${result.rows.cut} cut, ${result.rows.dropped} dropped`,
    `  tokens    ${result.tokens.toLocaleString("en")}, ${Math.round(result.tokensPerSecond)} a second`,
    ...validationLines(result),
    `  adapter   ${relative(context.cwd, result.adapterDir) || "."}`,
    `  sha256    ${result.adapterSha256}`,
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
  const kept = keptStep < steps ? `; kept the best, ${best.loss.toFixed(3)} at step ${keptStep}` : "";
  const stopped = isStoppedEarly ? "; stopped early" : "";
  const way = first === last ? last.loss.toFixed(3) : `${first.loss.toFixed(3)} to ${last.loss.toFixed(3)}`;
  return [`  validation loss ${way}${kept}${stopped}`];
}

/** Needs the tokenizer only, so the engine is not loaded. */
async function preview(context: Context, command: Command, count: number): Promise<Outcome> {
  const project = await usableProject(context.cwd, command.args[0]);
  const { config, root, dir } = project;
  const { openBase, previewMask } = await import("@gitune/train/tokenizer");
  const base = await openBase({ root, projectDir: dir, base: config.train.base, revision: config.train.revision });
  const shown: { key: string; file: string; line: number; text: string }[] = [];
  for await (const row of readRows(project, "train", context.signal)) {
    shown.push({ key: row.key, file: row.file, line: row.line, text: previewMask(row, base.tokenizer) });
    if (shown.length >= count) break;
  }
  const { bold } = context.colors;
  return {
    exitCode: 0,
    text: shown.map(({ file, line, key, text }) => `${bold(`${file}:${line}  ${key}`)}\n${text}`).join("\n\n"),
    document: { version: 1, project: config.name, rows: shown },
  };
}
