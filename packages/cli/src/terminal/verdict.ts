/** The gate's answer on a terminal: the verdict first, then the rule behind it. */
import { type Comparison, printable, type RuleOutcome, type Verdict } from "@gitune/core";
import type { Colors } from "picocolors/types.js";
import { formatDelta, formatInterval, formatScore, textTable } from "./table.js";

/** In the verdict's colour, and readable without it. */
export function verdictWord(verdict: Verdict, colors: Colors): string {
  const paint = { pass: colors.green, fail: colors.red, inconclusive: colors.yellow }[verdict];
  return paint(verdict);
}

/** A table with one line a rule. */
export function rulesTable(rules: readonly RuleOutcome[], colors: Colors): string {
  const rows = rules.map((rule) => [
    verdictWord(rule.verdict, colors),
    printable(rule.slice === undefined ? rule.suite : `${rule.suite} [${rule.slice}]`),
    printable(rule.metric),
    formatScore(rule.base),
    formatScore(rule.head),
    formatDelta(rule.delta),
    formatInterval(rule.ci, formatDelta),
    rule.need_rows === undefined ? "" : `about ${rule.need_rows.toLocaleString("en")} rows would decide`,
  ]);
  const header = ["verdict", "suite", "metric", "base", "head", "difference", "interval", ""];
  return textTable(header, rows, { colors, alignRight: [3, 4, 5] });
}

/** The whole of a comparison. */
export function comparisonText(comparison: Comparison, colors: Colors): string {
  const lines = [`${colors.bold("Verdict:")} ${verdictWord(comparison.verdict, colors)}`];
  if (comparison.rules.length > 0) lines.push("", rulesTable(comparison.rules, colors));
  else lines.push("The gate has no rules, so nothing can fail. Add rules to gate: in gitune.yaml.");
  const { regressions, improvements } = comparison;
  lines.push("", `${improvements.length} rows better, ${regressions.length} rows worse${examples(regressions)}`);
  return lines.join("\n");
}

function examples(ids: readonly string[]): string {
  return ids.length === 0 ? "" : `: ${printable(ids.slice(0, 5).join(", "))}${ids.length > 5 ? ", …" : ""}`;
}
