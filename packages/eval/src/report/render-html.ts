/**
 * The report as one HTML file that needs nothing else: no script, no font, no image from anywhere. Its policy forbids
 * all of them, so text that should ever slip through as markup could load and run nothing.
 */
import { createHash } from "node:crypto";
import type { Results } from "@gitune/core";
import { escapeHtml } from "./escape.js";
import { forestPlot } from "./forest-plot.js";
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
import { STYLE } from "./html-style.js";
import { lossCurve } from "./loss-curve.js";
import type { MetricLine, Report, ReportExample, ReportRef, SuiteLines } from "./report.js";
import { trainingSentence } from "./training-sentence.js";
import { ruleText, verdictSentence } from "./verdict-sentence.js";

/** Graphemes of a row's text: more than the comment has, still bounded. */
const MAX_TEXT = 2000;
/** Rows of the diff that are listed. */
const MAX_CHANGES = 200;

/** Renders one project's report, or several one after another. */
export function renderHtml(report: Report | readonly Report[]): string {
  const reports = isList(report) ? report : [report];
  const title = reports.map(({ project, verdict }) => `${project}: ${verdict}`).join(", ") || "no projects";
  const styleHash = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>gitune – ${escapeHtml(title, 200)}</title>
<style>${STYLE}</style>
</head>
<body>
${reports.map(projectSection).join("\n")}
</body>
</html>
`;
}

function isList(report: Report | readonly Report[]): report is readonly Report[] {
  return Array.isArray(report);
}

function projectSection(report: Report): string {
  const parts = [
    `<h1>${escapeHtml(report.project, 80)}</h1>`,
    verdictBlock(report),
    issuesSection(report),
    report.suites.length === 0 ? "" : `<h2>Scores</h2>\n${forestPlot(forestRows(report))}`,
    ...report.suites.map((suite) => suiteTable(report, suite)),
    examplesSection("got worse", report.examples.regressions, report.comparison?.regressions.length ?? 0, true),
    examplesSection("got better", report.examples.improvements, report.comparison?.improvements.length ?? 0, false),
    slicesSection(report),
    diffSection(report),
    trainSection(report),
    usageSection(report),
    footer(report),
  ];
  return `<main>\n${parts.filter((part) => part !== "").join("\n")}\n</main>`;
}

function verdictBlock(report: Report): string {
  const notes = report.comparison === null && report.issues.errors === 0 ? report.notes.slice(1) : report.notes;
  return `<div class="verdict ${report.verdict}" role="status"><p><strong class="${report.verdict}">${VERDICT_WORDS[report.verdict]}</strong></p>
<p>${escapeHtml(verdictSentence(report), 1000)}</p>${notes.map((note) => `<p>${escapeHtml(note, 500)}</p>`).join("")}</div>`;
}

function issuesSection({ issues }: Report): string {
  const total = issues.errors + issues.warnings + issues.notes;
  if (total === 0) return "";
  const rows = issues.first.map((issue) => [
    text(issue.severity),
    text(`${issue.file ?? ""}${issue.line === undefined ? "" : `:${issue.line}`}`),
    text(issue.code),
    text([issue.message, issue.found === undefined ? "" : `found ${issue.found}`].filter(Boolean).join("; ")),
  ]);
  const caption =
    issues.first.length < total
      ? `The first ${issues.first.length} of ${formatCount(total)}`
      : formatPlural(total, "finding");
  return `<h2>Checks</h2>\n${table(caption, ["severity", "where", "code", "what"], rows)}`;
}

function forestRows(report: Report) {
  const manySuites = report.suites.length > 1;
  return report.suites.flatMap((suite) =>
    [...suite.metrics, ...suite.slices.filter(({ judged }) => judged.length > 0)].map((line) => ({
      label: `${manySuites ? `${suite.name} ` : ""}${line.metric}${line.slice === null ? "" : ` · ${line.slice}`}`,
      line,
    })),
  );
}

function suiteTable(report: Report, suite: SuiteLines): string {
  const lines = [...suite.metrics, ...suite.slices.filter(({ judged }) => judged.length > 0)];
  const hasBare = lines.some(({ bare }) => bare !== null);
  const rows = lines.map((line) => [
    text(line.slice === null ? line.metric : `${line.metric} · ${line.slice} (${line.n} rows)`),
    ...(hasBare ? [number(line.bare === null ? "–" : formatScore(line.metric, line.bare))] : []),
    number(formatScore(line.metric, line.base)),
    number(formatScore(line.metric, line.head)),
    number(formatDelta(line.metric, line.delta)),
    number(formatInterval(line.metric, line.ci)),
    verdictCell(line),
  ]);
  const head = [
    "metric",
    ...(hasBare ? ["#bare model"] : []),
    "#base",
    "#head",
    "#difference",
    `#${formatPercent(report.gate.confidence)} interval`,
    "verdict",
  ];
  return table(`Suite ${suite.name}, ${formatPlural(suite.rows, "row")}`, head, rows);
}

function verdictCell({ judged }: MetricLine): string {
  if (judged.length === 0) return '<td class="faint">not gated</td>';
  const told = judged.map(({ rule, outcome }) => {
    const need =
      outcome.need_rows === undefined ? "" : `, about ${formatPlural(outcome.need_rows, "row")} would decide`;
    return `<span class="${outcome.verdict}">${VERDICT_WORDS[outcome.verdict]}</span> (${escapeHtml(ruleText(rule))}${need})`;
  });
  return `<td>${told.join("<br>")}</td>`;
}

function examplesSection(what: string, examples: readonly ReportExample[], total: number, isOpen: boolean): string {
  if (total === 0) return "";
  const title = `${formatPlural(total, "row")} ${what}`;
  const body = examples.map(exampleArticle).join("\n");
  return isOpen ? `<h2>${title}</h2>\n${body}` : `<details><summary>${title}</summary>\n${body}\n</details>`;
}

function exampleArticle(example: ReportExample): string {
  const { metric } = example;
  const title = `${example.suite}/${example.id}: ${metric} ${formatScore(metric, example.baseScore)} → ${formatScore(metric, example.headScore)}`;
  const rows = [
    ["prompt", example.prompt],
    ...example.expected.map((expected) => ["expected", expected] as const),
    ["before", example.before],
    ["after", example.after],
  ].map(([name = "", value = ""]) => [
    text(name),
    `<td class="text">${value === "" ? '<span class="faint">(empty)</span>' : escapeHtml(value, MAX_TEXT)}</td>`,
  ]);
  return `<article>${table(title, [], rows)}</article>`;
}

function slicesSection(report: Report): string {
  const tables = report.suites
    .filter(({ slices }) => slices.length > 0)
    .map((suite) => {
      const rows = suite.slices.map((line) => [
        text(line.slice ?? ""),
        number(formatCount(line.n)),
        text(line.metric),
        number(formatScore(line.metric, line.base)),
        number(formatScore(line.metric, line.head)),
        number(formatDelta(line.metric, line.delta)),
        number(formatInterval(line.metric, line.ci)),
      ]);
      const rest = suite.slicesLeftOut > 0 ? `, ${suite.slicesLeftOut} smaller ones not listed` : "";
      return table(
        `Suite ${suite.name}${rest}`,
        ["slice", "#rows", "metric", "#base", "#head", "#difference", "#interval"],
        rows,
      );
    });
  return tables.length === 0 ? "" : `<h2>Slices</h2>\n${tables.join("\n")}`;
}

function diffSection({ diff }: Report): string {
  if (diff === null) return "";
  const counts = diff.splits.map((split) => [
    text(split.split),
    ...[split.added, split.removed, split.changed, split.moved, split.unchanged].map((count) =>
      number(formatCount(count)),
    ),
  ]);
  const changes = diff.splits.flatMap(({ rows }) => rows).filter(({ kind }) => kind !== "moved");
  const listed = changes
    .slice(0, MAX_CHANGES)
    .map(({ kind, file, line, before, after }) => [
      text(kind),
      text(`${file}:${line}`),
      ...[before, after].map(
        (value) => `<td class="text">${value === undefined ? "" : escapeHtml(JSON.stringify(value), 400)}</td>`,
      ),
    ]);
  const title =
    listed.length < changes.length
      ? `The first ${listed.length} of ${formatCount(changes.length)} changed rows`
      : formatPlural(changes.length, "changed row");
  const list =
    listed.length === 0
      ? ""
      : `<details><summary>${title}</summary>\n${table("Row changes", ["", "where", "before", "after"], listed)}\n</details>`;
  return `<h2>Data</h2>\n${table("Rows by split", ["split", "#added", "#removed", "#changed", "#moved", "#unchanged"], counts)}${list}`;
}

function trainSection({ train }: Report): string {
  const sides = (["base", "head"] as const).flatMap((name) =>
    train[name] === null ? [] : [{ name, summary: train[name] }],
  );
  if (sides.length === 0) return "";
  const rows = sides.map(({ name, summary }) => [
    text(name),
    number(formatCount(summary.steps)),
    number(summary.loss === null ? "–" : summary.loss.toFixed(4)),
    number(formatCount(summary.tokensPerSecond)),
    number(formatSeconds(summary.seconds)),
    text(summary.cached ? "from the store" : "trained now"),
  ]);
  const curve = lossCurve(sides.map(({ name, summary }) => ({ name, ...summary })));
  const words = sides.map(({ name, summary }) => `<p>${name}: ${escapeHtml(trainingSentence(summary))}</p>`).join("");
  return `<h2>Training</h2>\n${curve}${words}${table("Training", ["adapter", "#steps", "#last loss", "#tokens/s", "#time", ""], rows)}`;
}

function usageSection({ results }: Report): string {
  const sides: readonly (readonly [string, Results | null])[] = [
    ["bare model", results.bare],
    ["base", results.base],
    ["head", results.head],
  ];
  const rows = sides.flatMap(([side, result]) =>
    (result?.suites ?? []).map(({ name, usage }) => [
      text(side),
      text(name),
      ...[
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.latency_ms.p50,
        usage.latency_ms.p95,
        usage.length_stops,
        usage.errors,
      ].map((value) => number(formatCount(value))),
    ]),
  );
  if (rows.length === 0) return "";
  const head = ["", "suite", "#tokens in", "#tokens out", "#ms a row, p50", "#p95", "#cut by length", "#errors"];
  return `<h2>Evaluation</h2>\n${table("Cost of the evaluation", head, rows)}`;
}

function footer(report: Report): string {
  const ref = ({ ref, sha }: ReportRef): string =>
    ref === sha ? escapeHtml(sha) : `${escapeHtml(sha)} (${escapeHtml(ref, 100)})`;
  const signatures = new Set(
    report.results.head?.suites.flatMap(({ metrics }) => Object.values(metrics).map(({ signature }) => signature)) ??
      [],
  );
  return `<footer><p>Base ${ref(report.base)}<br>Head ${ref(report.head)}</p>
<p>The same rows for both, paired. Intervals at ${formatPercent(report.gate.confidence)}; p-values of several rules adjusted by Holm.</p>
<ul>${[...signatures].map((signature) => `<li><code>${escapeHtml(signature)}</code></li>`).join("")}</ul></footer>`;
}

function text(value: string): string {
  return `<td>${escapeHtml(value, 400)}</td>`;
}

function number(value: string): string {
  return `<td class="number">${escapeHtml(value)}</td>`;
}

/**
 * @param head column names, `#` before those of numbers; none for a table whose first column names its rows
 * @param rows whole `<td>` elements; the first of a row becomes its header
 */
function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = head.map((name) => {
    const isNumber = name.startsWith("#");
    return `<th scope="col"${isNumber ? ' class="number"' : ""}>${escapeHtml(isNumber ? name.slice(1) : name)}</th>`;
  });
  const body = rows.map(([first = "", ...rest]) => {
    const header = first.replace(/^<td/, '<th scope="row"').replace(/<\/td>$/, "</th>");
    return `<tr>${header}${rest.join("")}</tr>`;
  });
  const thead = names.length === 0 ? "" : `<thead><tr>${names.join("")}</tr></thead>`;
  return `<div class="scroll"><table><caption>${escapeHtml(caption, 200)}</caption>${thead}<tbody>${body.join("")}</tbody></table></div>`;
}
