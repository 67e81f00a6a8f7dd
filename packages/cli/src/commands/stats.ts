/** `gitune stats`: what the data is, in numbers. */
import { measureProject, type Project, type ProjectStats, printable, type SplitStats, type Spread } from "@gitune/core";
import { HubBases } from "../hub-base/hub-bases.js";
import { tokenizerHere, whyNone } from "../open-base.js";
import { usableProjects } from "../projects.js";
import { counted, textTable } from "../terminal/table.js";
import { tokenCounterOfBase } from "../token-counter.js";
import type { Context, Verb } from "../verb.js";

export const stats: Verb = {
  configure: (command) => command.argument("[project...]", "names; all projects without any"),
  examples: [
    ["gitune stats", "rows, tokens, lengths, labels and scripts of every project, split by split"],
    ["gitune stats support-tickets --json", "of one project, for a program"],
  ],
  exitCodes: {
    0: "counted, whatever the rows are",
    2: "a gitune.yaml, a schema or the call is wrong, or a file is not there",
    3: "the machine failed",
  },
  run: async (context, command) => {
    const projects: ProjectStats[] = [];
    for (const project of await usableProjects(context.cwd, command.args)) {
      projects.push(await measure(project, context));
    }
    return {
      exitCode: 0,
      text: projects.map((one) => describe(one, context)).join("\n\n"),
      document: { version: 1, projects },
    };
  },
};

/** A preference row has no tokens yet: nothing trains on it. */
async function measure(project: Project, context: Context): Promise<ProjectStats> {
  const { signal, onProgress, note } = context;
  const { name, data } = project.config;
  const bases = new HubBases(context);
  const { countTokens, issues } = await tokenCounterOfBase(project, null, tokenizerHere(bases));
  if (!countTokens) note(`${name}: no tokens, since ${issues[0]?.message ?? whyNone(project, bases)}`);
  return measureProject(project, {
    countTokens: data.format === "preference" ? null : countTokens,
    signal,
    onProgress,
  });
}

function describe({ name, format, languages, splits, suites }: ProjectStats, { colors }: Context): string {
  const isCounted = splits.some(({ tokens }) => tokens !== null);
  const header = [
    "",
    "rows",
    "unfit",
    "twice",
    ...(isCounted ? ["tokens", "learnt", "too long"] : []),
    "p50 · p95 · max",
  ];
  const rows = splits.map((split) => [
    split.split,
    whole(split.rows),
    whole(split.unfit),
    whole(split.duplicates),
    ...(isCounted ? tokenCells(split) : []),
    lengths(split),
  ]);
  const numbers = header.map((_, at) => at).slice(1, -1);
  const labelled = [
    ...splits.map(({ split, labels }) => [split, labels] as const),
    ...suites.map(({ suite, labels }) => [suite, labels] as const),
  ];
  return [
    `${colors.bold(name)}  ${format}${languages.length > 0 ? `, in ${languages.map(printable).join(", ")}` : ""}`,
    textTable(header, rows, { colors, alignRight: numbers }),
    ...suites.map(({ suite, rows: count }) => `suite ${suite}: ${counted(count, "row")}`),
    ...splits.map(({ split, scripts }) => `script of ${split}: ${shares(Object.entries(scripts))}`),
    ...labelled.flatMap(([part, labels]) =>
      labels ? [`labels of ${part}: ${shares(labels.map(({ label, rows: count }) => [label, count] as const))}`] : [],
    ),
  ].join("\n");
}

function tokenCells({ tokens }: SplitStats): readonly string[] {
  if (tokens === null) return ["", "", ""];
  return [whole(tokens.total), percent(tokens.supervised, tokens.total), whole(tokens.over)];
}

/** Half of the rows have at most the first number, 95 of 100 the second, one the third. */
function lengths({ tokens, characters }: SplitStats): string {
  const say = ({ p50, p95, max }: Spread, unit: string) => `${whole(p50)} · ${whole(p95)} · ${whole(max)} ${unit}`;
  return [...(tokens ? [say(tokens, "tokens")] : []), ...(characters ? [say(characters, "characters")] : [])].join(
    "  ",
  );
}

function shares(counts: readonly (readonly [name: string, rows: number])[]): string {
  const total = counts.reduce((sum, [, rows]) => sum + rows, 0);
  return counts.map(([name, rows]) => `${printable(name)} ${percent(rows, total)}`).join(", ") || "no rows";
}

function percent(part: number, total: number): string {
  return `${((100 * part) / Math.max(total, 1)).toFixed(1)}%`;
}

function whole(count: number): string {
  return count.toLocaleString("en");
}
