/** `gitune eval`: a project's suites on its base, with or without an adapter. */
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import { type Device, GituneError, printable, printableLine, readSuite, writeFileAtomic } from "@gitune/core";
import { HubBases } from "../hub-base/hub-bases.js";
import { openProjectBase } from "../open-base.js";
import { deviceOption, pathFrom, threadsOption } from "../options.js";
import { evaluateSuites, type SuiteRows } from "../pipeline/evaluate.js";
import { usableProject } from "../projects.js";
import { formatInterval, formatScore, textTable } from "../terminal/table.js";
import type { Verb } from "../verb.js";

interface Options {
  readonly adapter: string;
  readonly out?: string;
  readonly device?: Device;
  readonly threads?: number;
}

export const evaluate: Verb = {
  configure: (command) =>
    command
      .argument("[project]", "the project's name; not needed where there is only one")
      .option("--adapter <folder>", 'a PEFT adapter\'s folder, or "none" for the bare base', "none")
      .option("--out <results.json>", "where to write the results, for gitune compare")
      .addOption(deviceOption())
      .addOption(threadsOption()),
  examples: [
    ["gitune eval support-tickets --out bare.json", "how good is the base without any training?"],
    [
      "gitune eval support-tickets --adapter .gitune/adapters/support-tickets --out tuned.json",
      "and with the adapter; then gitune compare bare.json tuned.json",
    ],
  ],
  exitCodes: { 0: "evaluated", 2: "a suite, the base or the adapter cannot be used", 3: "the machine failed" },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const project = await usableProject(context.cwd, command.args[0]);
    const { config } = project;
    if (config.evals.length === 0) throw noSuites(config.name, project.configFile);
    const suites: SuiteRows[] = [];
    for (const suite of config.evals) suites.push({ suite, rows: await readSuite(project, suite, context.signal) });

    const base = await openProjectBase(project, new HubBases(context), "weights");
    const { results } = await evaluateSuites({
      project,
      base,
      adapter: options.adapter === "none" ? null : await findAdapter(context.cwd, options.adapter),
      suites,
      store: null,
      device: options.device ?? config.train.device,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      onProgress: context.onProgress,
      signal: context.signal,
    });
    const { toJson } = await import("@gitune/eval");
    if (options.out !== undefined) await writeFileAtomic(pathFrom(context.cwd, options.out), [toJson(results)]);

    const rows = results.suites.flatMap(({ name, metrics }) =>
      Object.entries(metrics).map(([metric, { value, ci, n }]) => [
        printableLine(name),
        printable(metric),
        formatScore(value),
        formatInterval(ci),
        String(n),
      ]),
    );
    const header = ["suite", "metric", "value", `${config.gate.confidence * 100}% interval`, "rows"];
    return {
      exitCode: 0,
      text: textTable(header, rows, { colors: context.colors, alignRight: [2, 4] }),
      document: results,
    };
  },
};

async function findAdapter(cwd: string, typed: string) {
  const dir = pathFrom(cwd, typed);
  if (!(await stat(dir).catch(() => null))?.isDirectory()) {
    throw new GituneError({
      code: "adapter.missing",
      severity: "error",
      message: `there is no adapter folder ${typed}`,
      expected: 'a folder with adapter_config.json and adapter_model.safetensors, or "none"',
      found: typed,
      fix: "train one with gitune train, or download it first: hf download <id> --local-dir <folder>",
    });
  }
  const { trainedSha256 } = await import("@gitune/train");
  return { path: relative(cwd, dir) || ".", dir, sha256: await trainedSha256(dir) };
}

function noSuites(project: string, file: string): GituneError {
  return new GituneError({
    code: "eval.no-suites",
    severity: "error",
    project,
    file,
    pointer: "/evals",
    message: "the project has no eval suites",
    fix: "add one below evals: in gitune.yaml",
  });
}
