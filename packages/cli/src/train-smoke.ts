/** `gitune train --smoke`: everything that a training needs, in two steps, and nothing left of it. */
import { type Device, GituneError, type Project, readRows, takesValidationLoss, VALIDATION_SPLIT } from "@gitune/core";
import { HubBases } from "./hub-base/hub-bases.js";
import { openProjectBase } from "./open-base.js";
import { counted, formatSeconds } from "./terminal/table.js";
import type { Context, Outcome } from "./verb.js";

interface Options {
  readonly out?: string;
  readonly resume?: boolean;
  readonly maxSteps?: number;
  readonly device?: Device;
  readonly threads?: number;
}

/** @throws {GituneError} `cli.usage` for options that only a real training has; what `smokeTrain` throws */
export async function smokeRun(context: Context, project: Project, options: Options): Promise<Outcome> {
  const { config } = project;
  const { out, resume, maxSteps, device, threads } = options;
  if (out !== undefined || resume !== undefined || maxSteps !== undefined) throw keepsNothing();
  const { defaultThreads, deviceClass, smokeTrain } = await import("@gitune/train");
  const base = await openProjectBase(project, new HubBases(context), "weights");
  const report = await smokeTrain({
    project,
    base,
    rows: () => readRows(project, "train", context.signal),
    validation: takesValidationLoss(config) ? () => readRows(project, VALIDATION_SPLIT, context.signal) : null,
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    onProgress: context.onProgress,
    signal: context.signal,
  });
  const where = deviceClass(device ?? config.train.device);
  const { rows, validationRows, losses, logitChange } = report;
  const validated = validationRows === null ? "" : `; ${counted(validationRows, "row")} of validation`;
  const lines = [
    `${config.name} trains: ${counted(report.steps, "step")}, every part once, nothing kept`,
    `  data        ${rows.used.toLocaleString("en")} rows used, ${rows.cut} cut, ${rows.dropped} dropped${validated}`,
    `  template    ${base.tokenizer.template === null ? "none" : base.templateSha256.slice(0, 12)}, all rows fit it`,
    `  base        ${base.id}, ${counted(report.trainableParameters, "trainable parameter")}`,
    `  device      ${where}, ${counted(threads ?? defaultThreads(), "thread")}`,
    `  steps       loss ${losses.map((loss) => loss.toFixed(3)).join(", ")} in ${formatSeconds(report.seconds)}`,
    `  checkpoint  written after step ${report.resumedFrom}, read back, the same bytes from there`,
    `  adapter     written, loaded again${logitChange === null ? "" : `, changes logits by up to ${logitChange.toPrecision(2)}`}`,
  ];
  return {
    exitCode: 0,
    text: lines.join("\n"),
    document: {
      version: 1,
      project: config.name,
      smoke: true,
      base: { id: base.id, revision: base.revision, sha256: base.sha256 },
      template_sha256: base.templateSha256,
      device: where,
      steps: report.steps,
      losses,
      rows,
      validation_rows: validationRows,
      trainable_parameters: report.trainableParameters,
      resumed_from: report.resumedFrom,
      logit_change: logitChange,
    },
  };
}

function keepsNothing(): GituneError {
  return new GituneError({
    code: "cli.usage",
    severity: "error",
    message: "--smoke keeps nothing, so it goes with none of --out, --resume and --max-steps",
    fix: "leave out --smoke for a training that is kept; --max-steps 2 makes it short",
  });
}
