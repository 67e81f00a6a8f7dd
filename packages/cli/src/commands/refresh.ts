/** `gitune refresh`: new rows from the sources, judged, on a branch of their own. */
import { type Device, driftText, findRepoRoot, printable, renderIssues } from "@gitune/core";
import type { Colors } from "picocolors/types.js";
import { HubBases } from "../hub-base/hub-bases.js";
import { openStore } from "../open-store.js";
import { deviceOption, threadsOption, timeLimitOption } from "../options.js";
import { refresh as refreshAll } from "../refresh/refresh.js";
import type { FileDrift, ProjectRefresh, RefreshResult, SourceOutcome } from "../refresh/result.js";
import { resolveBase } from "../refresh/start-state.js";
import { toDocument } from "../refresh/to-document.js";
import { issueColors } from "../terminal/issue-colors.js";
import { counted } from "../terminal/table.js";
import { rulesTable, verdictWord } from "../terminal/verdict.js";
import type { Verb } from "../verb.js";

interface Options {
  readonly base?: string;
  readonly bare: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly timeLimit?: number;
}

export const refresh: Verb = {
  configure: (command) =>
    command
      .argument("[project...]", "names; all projects that have refresh sources without any")
      .option("--base <ref>", "what the new rows are to be merged into (default: the default branch)")
      .option("--no-bare", "leave out the evaluation of the base model without an adapter")
      .addOption(deviceOption())
      .addOption(threadsOption())
      .addOption(timeLimitOption()),
  examples: [
    ["gitune refresh", "new rows of every project, each on its branch gitune/refresh-<project>"],
    ["gitune refresh support-tickets --json", "one project, for a program"],
  ],
  exitCodes: {
    0: "nothing new, or proposed and the gate says yes",
    1: "proposed, and a check or the gate says no",
    2: "a gitune.yaml or the call is wrong, or the branch is in the way",
    3: "a source or the machine failed, or the time was up; what the others gave is proposed",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const root = findRepoRoot(context.cwd);
    const result = await refreshAll(command.args, {
      root,
      base: await resolveBase(root, options.base),
      store: await openStore(root, context),
      bases: new HubBases(context),
      env: context.env,
      judge: {
        bareBase: options.bare,
        ...(options.device === undefined ? {} : { device: options.device }),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      },
      ...(options.timeLimit === undefined ? {} : { timeLimitMinutes: options.timeLimit }),
      onProgress: context.onProgress,
      note: context.note,
      signal: context.signal,
    });
    return { exitCode: result.exitCode, text: textOf(result, context.colors), document: toDocument(result, root) };
  },
};

function textOf({ projects }: RefreshResult, colors: Colors): string {
  if (projects.length === 0) return "No project has refresh sources: add refresh: { sources: [...] } to a gitune.yaml.";
  return projects.map((project) => projectText(project, colors)).join("\n\n");
}

const STATUS: Readonly<Record<ProjectRefresh["status"], string>> = {
  unchanged: "nothing new",
  pending: "nothing new; an earlier proposal waits",
  proposed: "proposed",
  failed: "failed",
};

function projectText(project: ProjectRefresh, colors: Colors): string {
  const { name, status, branch, commit, verdict, run, issues, quarantineFile } = project;
  const rules = run?.projects[0]?.comparison?.rules ?? [];
  const errors = [...issues, ...project.sources.flatMap((source) => source.issues)];
  const found = run?.projects.flatMap((one) => one.issues.filter(({ severity }) => severity === "error")) ?? [];
  return [
    `${verdict === null ? "" : `${verdictWord(verdict, colors)}  `}${colors.bold(name)}  ${STATUS[status]}`,
    ...project.sources.map((source) => `  ${sourceText(source)}`),
    ...project.drift.flatMap((drift) => driftLines(drift).map((line) => `  ${colors.yellow(line)}`)),
    ...(errors.length + found.length > 0
      ? [renderIssues([...errors, ...found.slice(0, 10)], "text", { color: issueColors(colors) })]
      : []),
    ...(rules.length > 0 ? [rulesTable(rules, colors)] : []),
    ...(quarantineFile === null ? [] : [`Quarantined rows: ${quarantineFile}`]),
    ...(status === "proposed" && commit !== null
      ? [`Branch: ${branch} at ${commit.slice(0, 12)}`, colors.dim(`git push origin ${branch}`)]
      : []),
  ].join("\n");
}

function sourceText(source: SourceOutcome): string {
  const { name, type, status } = source;
  if (status !== "read") return `${name} (${type}): ${status}`;
  const parts = [
    counted(source.new, "new row"),
    ...(source.known > 0 ? [`${source.known.toLocaleString("en")} known`] : []),
    ...(source.passedOver > 0 ? [`${source.passedOver.toLocaleString("en")} not accepted`] : []),
    ...(source.quarantined > 0 ? [`${source.quarantined.toLocaleString("en")} quarantined`] : []),
  ];
  return printable(`${name} (${type}): ${parts.join(", ")}`);
}

/** A line a measure that has drifted. */
function driftLines({ sources, rows, rowsBefore, measures }: FileDrift): readonly string[] {
  const sizes = `${counted(rows, "row")} against ${rowsBefore.toLocaleString("en")}`;
  return measures
    .filter(({ isDrifted }) => isDrifted)
    .map((measure) => `drift of ${sources.join(", ")} (${sizes}): ${driftText(measure, printable)}`);
}
