/** The report as GitHub's Markdown: a pull request's comment, a step summary, a file. */
import type { Issue, ProjectDiff, Results, Verdict } from "@gitune/core";
import { escapeMarkdown, markdownName } from "./escape.js";
import { fitSections, type Section } from "./fit-sections.js";
import {
  formatCount,
  formatDelta,
  formatInterval,
  formatPercent,
  formatPlural,
  formatScore,
  formatSeconds,
  VERDICT_WORDS,
} from "./format.js";
import type { MetricLine, Report, ReportExample, ReportRef, SuiteLines, TrainSummary } from "./report.js";
import { sparkline, trainingSentence } from "./training-sentence.js";
import { ruleText, verdictSentence } from "./verdict-sentence.js";

export interface MarkdownOptions {
  /** UTF-16 units of the result. GitHub rejects comments over 65,536; the default leaves room for a footer. */
  readonly maxChars?: number;
  /** A hidden first line by which a comment is found again, e.g. `<!-- gitune -->`. Not escaped: never from outside. */
  readonly marker?: string;
}

const DEFAULT_MAX_CHARS = 60_000;

/** What goes first when the size does not suffice; higher stays longer. */
const RANK = {
  slices: 1,
  improvements: 2,
  rowChanges: 3,
  cost: 4,
  training: 4,
  regressions: 5,
  footer: 6,
  diff: 7,
  issues: 8,
  suites: 9,
  verdict: 10,
} as const;

/** Graphemes of a prompt and of an answer that are shown. */
const MAX_PROMPT = 400;
const MAX_ANSWER = 300;

/** Renders one project's report, or several under one heading each. Row text comes out as text, whatever it holds. */
export function renderMarkdown(report: Report | readonly Report[], options: MarkdownOptions = {}): string {
  const reports = isList(report) ? report : [report];
  const marker = options.marker === undefined ? "" : `${options.marker}\n`;
  const sections = reports.length === 0 ? [NOTHING] : reports.flatMap((one) => sectionsOf(one));
  return `${marker}${fitSections(sections, (options.maxChars ?? DEFAULT_MAX_CHARS) - marker.length)}`;
}

const NOTHING: Section = { title: "verdict", rank: RANK.verdict, sizes: ["> [!TIP]\n> No project changed."] };

function isList(report: Report | readonly Report[]): report is readonly Report[] {
  return Array.isArray(report);
}

function sectionsOf(report: Report): readonly Section[] {
  const { examples, diff, results } = report;
  return [
    { title: "verdict", rank: RANK.verdict, sizes: [verdictBlock(report)] },
    {
      title: "findings",
      rank: RANK.issues,
      sizes: [issuesBlock(report), issuesBlock(report, 3), issuesBlock(report, 0)],
    },
    ...report.suites.map((suite) => ({
      title: "scores",
      rank: RANK.suites,
      sizes: [suiteTable(report, suite, false), suiteTable(report, suite, true), ""],
    })),
    {
      title: "regressions",
      rank: RANK.regressions,
      sizes: [5, 3, 1, 0].map((count) => regressionsBlock(report, count)),
    },
    {
      title: "improvements",
      rank: RANK.improvements,
      sizes: [5, 2, 0].map((count) => improvementsBlock(report, examples.improvements.slice(0, count))),
    },
    { title: "row counts", rank: RANK.diff, sizes: diff === null ? [""] : [diffTable(diff), ""] },
    {
      title: "row changes",
      rank: RANK.rowChanges,
      sizes: diff === null ? [""] : [10, 3, 0].map((count) => rowChanges(diff, count)),
    },
    { title: "slices", rank: RANK.slices, sizes: [slicesBlock(report), ""] },
    { title: "training", rank: RANK.training, sizes: [trainingBlock(report), ""] },
    { title: "cost", rank: RANK.cost, sizes: [costBlock(results), ""] },
    { title: "signatures", rank: RANK.footer, sizes: [footer(report, true), footer(report, false)] },
  ];
}

const ALERTS: Readonly<Record<Verdict, string>> = { pass: "TIP", fail: "CAUTION", inconclusive: "WARNING" };

function verdictBlock(report: Report): string {
  const lines = [
    `### ${markdownName(report.project)}: ${VERDICT_WORDS[report.verdict]}`,
    "",
    `> [!${ALERTS[report.verdict]}]`,
    `> ${escapeMarkdown(verdictSentence(report), 1000)}`,
  ];
  // The first note of a report without a comparison is its sentence.
  const notes = report.comparison === null && report.issues.errors === 0 ? report.notes.slice(1) : report.notes;
  for (const note of notes.slice(0, 10)) lines.push(">", `> ${escapeMarkdown(note, 500)}`);
  return lines.join("\n");
}

function issuesBlock({ issues }: Report, limit = issues.first.length): string {
  const counts = [
    [issues.errors, "error"],
    [issues.warnings, "warning"],
    [issues.notes, "note"],
  ] as const;
  const told = counts.filter(([count]) => count > 0).map(([count, word]) => formatPlural(count, word));
  if (told.length === 0) return "";
  return [
    `**Checks:** ${told.join(", ")}`,
    ...issues.first.slice(0, limit).map((issue, i) => `${i === 0 ? "\n" : ""}${issueLine(issue)}`),
  ].join("\n");
}

function issueLine(issue: Issue): string {
  const place =
    issue.file === undefined
      ? ""
      : `${escapeMarkdown(issue.file, 120)}${issue.line === undefined ? "" : `:${issue.line}`} `;
  const found = issue.found === undefined ? "" : `; found ${escapeMarkdown(issue.found, 120)}`;
  return `- ${issue.severity} ${markdownName(issue.code)} ${place}${escapeMarkdown(issue.message, 240)}${found}`;
}

function suiteTable(report: Report, suite: SuiteLines, isShort: boolean): string {
  const judgedSlices = suite.slices.filter(({ judged }) => judged.length > 0);
  const all = [...suite.metrics, ...judgedSlices];
  const lines = isShort ? all.filter(({ judged }) => judged.length > 0).slice(0, 10) : all;
  const hasBare = all.some(({ bare }) => bare !== null);
  return [
    `**${markdownName(suite.name)}** · ${formatPlural(suite.rows, "row")}`,
    "",
    `| metric |${hasBare ? " bare model |" : ""} base | head | Δ (${formatPercent(report.gate.confidence)} interval) | verdict |`,
    `|---|${hasBare ? "---:|" : ""}---:|---:|---|---|`,
    ...lines.map((line) => metricRow(line, hasBare)),
  ].join("\n");
}

function metricRow(line: MetricLine, hasBare: boolean): string {
  const { metric, slice, bare, base, head } = line;
  const name =
    slice === null
      ? markdownName(metric)
      : `${markdownName(metric)} · ${escapeMarkdown(slice, 60)} (${formatCount(line.n)})`;
  const bareCell = bare === null ? " – |" : ` ${formatScore(metric, bare)} |`;
  return `| ${name} |${hasBare ? bareCell : ""} ${formatScore(metric, base)} | ${formatScore(metric, head)} | ${deltaCell(line)} | ${verdictCell(line)} |`;
}

function deltaCell({ metric, delta, ci }: MetricLine): string {
  return `**${formatDelta(metric, delta)}** (${formatInterval(metric, ci)})`;
}

function verdictCell({ judged }: MetricLine): string {
  if (judged.length === 0) return "not gated";
  return judged
    .map(({ rule, outcome }) => {
      const need =
        outcome.need_rows === undefined ? "" : `, about ${formatPlural(outcome.need_rows, "row")} would decide`;
      return `${VERDICT_WORDS[outcome.verdict]} (${ruleText(rule)}${need})`;
    })
    .join("<br>");
}

function regressionsBlock({ examples, comparison }: Report, count: number): string {
  const total = comparison?.regressions.length ?? 0;
  if (total === 0) return "";
  const shown = examples.regressions.slice(0, count);
  const which = shown.length === 0 ? "" : shown.length < total ? `, the worst ${shown.length}:` : ":";
  return [`**${formatPlural(total, "row")} got worse**${which}`, ...shown.map(exampleBlock)].join("\n\n");
}

function improvementsBlock({ comparison }: Report, shown: readonly ReportExample[]): string {
  const total = comparison?.improvements.length ?? 0;
  if (total === 0) return "";
  if (shown.length === 0) return `**${formatPlural(total, "row")} got better.**`;
  const which = shown.length < total ? `, the best ${shown.length}` : "";
  return details(`${formatPlural(total, "row")} got better${which}`, shown.map(exampleBlock).join("\n\n"));
}

function exampleBlock(example: ReportExample): string {
  const { metric, baseScore, headScore, expected } = example;
  const rows = [
    ["prompt", escapeMarkdown(example.prompt, MAX_PROMPT)],
    [
      "expected",
      expected
        .slice(0, 3)
        .map((text) => escapeMarkdown(text, MAX_ANSWER))
        .join("<br>*or* "),
    ],
    ["before", escapeMarkdown(example.before, MAX_ANSWER)],
    ["after", escapeMarkdown(example.after, MAX_ANSWER)],
  ] as const;
  return [
    `| ${markdownName(`${example.suite}/${example.id}`)} | ${markdownName(metric)} ${formatScore(metric, baseScore)} → ${formatScore(metric, headScore)} |`,
    "|---|---|",
    ...rows.map(([name, text]) => `| ${name} | ${text === "" ? "*(empty)*" : text} |`),
  ].join("\n");
}

function diffTable(diff: ProjectDiff): string {
  return [
    "**Rows changed**",
    "",
    "| split | added | removed | changed | moved | unchanged |",
    "|---|---:|---:|---:|---:|---:|",
    ...diff.splits
      .slice(0, 20)
      .map(
        (split) =>
          `| ${markdownName(split.split)} | ${[split.added, split.removed, split.changed, split.moved, split.unchanged].map(formatCount).join(" | ")} |`,
      ),
  ].join("\n");
}

function rowChanges(diff: ProjectDiff, count: number): string {
  const all = diff.splits.flatMap(({ rows }) => rows).filter(({ kind }) => kind !== "moved");
  const shown = all.slice(0, count);
  if (shown.length === 0) return "";
  const title =
    shown.length < all.length
      ? `The first ${shown.length} of ${formatPlural(all.length, "changed row")}`
      : formatPlural(all.length, "changed row");
  const lines = shown.map(({ kind, file, line, before, after }) => {
    const cell = (value: unknown): string => (value === undefined ? "" : escapeMarkdown(JSON.stringify(value), 200));
    return `| ${kind} | ${escapeMarkdown(file, 100)}:${line} | ${cell(before)} | ${cell(after)} |`;
  });
  return details(title, ["| | where | before | after |", "|---|---|---|---|", ...lines].join("\n"));
}

function slicesBlock(report: Report): string {
  const tables = report.suites.flatMap((suite) => {
    if (suite.slices.length === 0) return [];
    const rest = suite.slicesLeftOut > 0 ? `\n\n${formatPlural(suite.slicesLeftOut, "smaller slice")} not listed.` : "";
    const rows = suite.slices.map(
      (line) =>
        `| ${escapeMarkdown(line.slice ?? "", 60)} | ${formatCount(line.n)} | ${markdownName(line.metric)} | ${formatScore(line.metric, line.base)} | ${formatScore(line.metric, line.head)} | ${deltaCell(line)} |`,
    );
    return [
      `${[`${markdownName(suite.name)}`, "", "| slice | rows | metric | base | head | Δ |", "|---|---:|---|---:|---:|---|", ...rows].join("\n")}${rest}`,
    ];
  });
  return tables.length === 0 ? "" : details("Slices", tables.join("\n\n"));
}

function trainingBlock({ train }: Report): string {
  const sides = (["base", "head"] as const).flatMap((side) => {
    const summary = train[side];
    return summary === null ? [] : [{ side, summary }];
  });
  if (sides.length === 0) return "";
  const words = sides.map(({ side, summary }) => {
    const curve = sparkline(summary.losses ?? []);
    return `- ${side}: ${trainingSentence(summary)}${curve === "" ? "" : ` \`${curve}\``}`;
  });
  const rows = sides.map(({ side, summary }) => trainRow(side, summary));
  const table = ["| training | steps | loss | tokens/s | time | |", "|---|---:|---:|---:|---:|---|", ...rows];
  return details("Training", `${words.join("\n")}\n\n${table.join("\n")}`);
}

function costBlock(results: Report["results"]): string {
  const evaluated = (["bare", "base", "head"] as const).flatMap((side) => usageRows(side, results[side]));
  if (evaluated.length === 0) return "";
  const head = [
    "| evaluation | suite | tokens in | tokens out | ms a row (p50, p95) | cut by length | errors |",
    "|---|---|---:|---:|---:|---:|---:|",
  ];
  return details("Cost", [...head, ...evaluated].join("\n"));
}

function trainRow(side: string, { steps, loss, tokensPerSecond, seconds, cached }: TrainSummary): string {
  const told = loss === null ? "–" : loss.toFixed(3);
  return `| ${side} | ${formatCount(steps)} | ${told} | ${formatCount(tokensPerSecond)} | ${formatSeconds(seconds)} | ${cached ? "from the store" : "trained now"} |`;
}

function usageRows(side: string, results: Results | null): readonly string[] {
  return (results?.suites ?? []).map(({ name, usage }) => {
    const { p50, p95 } = usage.latency_ms;
    return `| ${side} | ${markdownName(name)} | ${formatCount(usage.prompt_tokens)} | ${formatCount(usage.completion_tokens)} | ${formatCount(p50)}, ${formatCount(p95)} | ${formatCount(usage.length_stops)} | ${formatCount(usage.errors)} |`;
  });
}

function footer(report: Report, isFull: boolean): string {
  const commits = `Base ${refText(report.base)} · head ${refText(report.head)} · same rows, paired; intervals at ${formatPercent(report.gate.confidence)}; several rules adjusted by Holm.`;
  // The name becomes part of a command to copy, so only a plain one does.
  const isPlain = /^[A-Za-z0-9][\w.-]*$/.test(report.project);
  const lines = [commits, ...(isPlain ? [`Run it yourself: \`npx gitune run ${report.project}\``] : [])];
  if (isFull) {
    const signatures =
      report.results.head?.suites.flatMap(({ metrics }) => Object.values(metrics).map(({ signature }) => signature)) ??
      [];
    if (signatures.length > 0) {
      lines.push(`Metrics: ${[...new Set(signatures)].map((text) => escapeMarkdown(text, 120)).join(" · ")}`);
    }
  }
  return lines.map((line) => `<sub>${line}</sub>`).join("<br>\n");
}

function refText({ ref, sha }: ReportRef): string {
  const short = /^[0-9a-f]{40}$/.test(sha) ? sha.slice(0, 7) : sha;
  return ref === sha || ref === short ? markdownName(short) : `${markdownName(short)} (${markdownName(ref)})`;
}

/** A collapsed part; the blank lines make GitHub read its inside as Markdown. */
function details(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;
}
