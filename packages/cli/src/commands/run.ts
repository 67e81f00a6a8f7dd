/** `gitune run`: what a pull request with this change gets, on this machine. */
import { relative } from "node:path";
import { findRepoRoot, printableText, renderIssues } from "@gitune/core";
import { addChangeOptions, type ChangeOptions, changeOf } from "../change-options.js";
import { HubBases } from "../hub-base/hub-bases.js";
import { openStore } from "../open-store.js";
import { threadsOption, timeLimitOption } from "../options.js";
import type { PipelineResult, ProjectOutcome } from "../pipeline/result.js";
import { runPipeline } from "../pipeline/run-pipeline.js";
import { toDocument } from "../pipeline/to-document.js";
import { issueColors } from "../terminal/issue-colors.js";
import { counted, formatSeconds } from "../terminal/table.js";
import { rulesTable, verdictWord } from "../terminal/verdict.js";
import { withinLimit } from "../time-limit.js";
import type { Context, Verb } from "../verb.js";

interface Options extends ChangeOptions {
  readonly threads?: number;
  readonly timeLimit?: number;
}

export const run: Verb = {
  configure: (command) =>
    addChangeOptions(command, "leave out the evaluation of the base model without an adapter")
      .addOption(threadsOption())
      .addOption(timeLimitOption()),
  examples: [
    ["gitune run", "your working tree against its merge-base with the default branch"],
    ["gitune run support-tickets --base origin/main --json", "one project, for a program"],
  ],
  exitCodes: {
    0: "the gate says yes",
    1: "a check or the gate says no; .gitune/report has the reasons",
    2: "a gitune.yaml, a base model or the call is wrong",
    3: "the machine failed, or it was stopped, or the time was up: run it again, finished work is kept",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const root = findRepoRoot(context.cwd);
    const store = await openStore(root, context);
    const result = await withinLimit(options.timeLimit, context.signal, (signal) =>
      runPipeline({
        root,
        projects: command.args,
        store,
        bases: new HubBases(context),
        ...changeOf(options),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
        onProgress: context.onProgress,
        onNote: context.note,
        signal,
      }),
    );
    return { exitCode: result.exitCode, text: textOf(result, context), document: toDocument(result, root) };
  },
};

/** The verdict first, then a project at a time. */
function textOf(result: PipelineResult, { colors, cwd }: Context): string {
  const blocks = result.projects.map((project) => {
    const errors = project.issues.filter(({ severity }) => severity === "error");
    return [
      `${verdictWord(project.verdict, colors)}  ${colors.bold(project.name)}  ${summaryOf(project)}`,
      ...(errors.length > 0 ? [renderIssues(errors.slice(0, 10), "text", { color: issueColors(colors) })] : []),
      ...(project.comparison && project.comparison.rules.length > 0
        ? [rulesTable(project.comparison.rules, colors)]
        : []),
      ...project.notes.map((note) => colors.dim(printableText(note))),
    ].join("\n");
  });
  const blocked =
    result.verdict === "inconclusive" && result.exitCode === 1 ? " (the gate blocks what it cannot decide)" : "";
  return [
    `${colors.bold("Verdict:")} ${verdictWord(result.verdict, colors)}${blocked}`,
    ...blocks,
    `Report: ${relative(cwd, result.report.markdown)} (and report.html, results.json), after ${formatSeconds(result.seconds)}`,
  ].join("\n\n");
}

function summaryOf({ status, diff, adapters }: ProjectOutcome): string {
  const changes = { added: 0, removed: 0, changed: 0 };
  for (const split of diff?.splits ?? []) {
    changes.added += split.added;
    changes.removed += split.removed;
    changes.changed += split.changed;
  }
  const rows = Object.entries(changes).flatMap(([kind, count]) =>
    count > 0 ? [`${counted(count, "row")} ${kind}`] : [],
  );
  const trained = Object.entries(adapters).flatMap(([which, adapter]) =>
    adapter === null
      ? []
      : [
          adapter.cached
            ? `${which} adapter from the store`
            : `${which} adapter trained in ${formatSeconds(adapter.seconds)}`,
        ],
  );
  return [status, ...rows, ...trained].join(", ");
}
