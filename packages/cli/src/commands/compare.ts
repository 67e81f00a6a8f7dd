/** `gitune compare`: two results files, and what the gate says to them. */
import { type GateConfig, GituneError } from "@gitune/core";
import { compareResults, gateExitCode } from "@gitune/eval";
import { readResultsFile } from "../input-files.js";
import { usableProject } from "../projects.js";
import { comparisonText } from "../terminal/verdict.js";
import type { Verb } from "../verb.js";

/** Where no project is named: no rules, so the numbers alone. */
const NO_RULES: GateConfig = { confidence: 0.95, inconclusive: "allow", rules: [] };

export const compare: Verb = {
  configure: (command) =>
    command
      .argument("<base.json>", "results of the base, as gitune eval --out writes them")
      .argument("<head.json>", "results of the head, of the same rows")
      .option("--project <name>", "judge by this project's gate"),
  examples: [
    ["gitune compare base.json head.json --project support-tickets", "judge two results by the project's rules"],
    ["gitune compare base.json head.json --json", "which rows got better and which worse, for a program"],
  ],
  exitCodes: {
    0: "the gate passes, or there is none",
    1: "the gate says no",
    2: "a file is no results file, or the two cannot be compared",
  },
  run: async (context, command) => {
    const [basePath = "", headPath = ""] = command.args;
    const { project: name } = command.opts<{ readonly project?: string }>();
    const base = await readResultsFile(context.cwd, basePath);
    const head = await readResultsFile(context.cwd, headPath);
    if (base.project !== head.project) {
      throw new GituneError({
        code: "results.invalid",
        severity: "error",
        message: "the two files are results of different projects",
        expected: base.project,
        found: head.project,
      });
    }
    const gate = name === undefined ? NO_RULES : (await usableProject(context.cwd, name)).config.gate;
    const comparison = compareResults(base, head, gate);
    return {
      exitCode: gateExitCode(comparison, gate),
      text: comparisonText(comparison, context.colors),
      document: comparison,
    };
  },
};
