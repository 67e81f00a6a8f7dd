/** The first thing that a reader sees: what the verdict is, of what, and by how much. Plain text, not escaped. */
import type { GateRule, RuleOutcome } from "@gitune/core";
import { METRICS } from "../metrics/table.js";
import { formatCount, formatDelta, formatInterval, formatPercent, formatPlural, formatScore } from "./format.js";
import type { Report } from "./report.js";

/** One or two sentences. */
export function verdictSentence(report: Report): string {
  const { comparison, gate, issues, notes } = report;
  if (comparison === null) {
    if (issues.errors > 0)
      return `${formatPlural(issues.errors, "error")} in the data or the config: nothing was trained.`;
    return notes[0] ?? "There was nothing to compare.";
  }
  const rules = comparison.rules.map((outcome, index) => ({ outcome, rule: gate.rules[index] }));
  const decisive = rules
    .filter(({ outcome }) => outcome.verdict === report.verdict)
    .sort((a, b) => weight(b.outcome) - weight(a.outcome))[0];
  if (decisive === undefined) return "The gate has no rules, so nothing is judged.";
  const sentence = describe(decisive.outcome, decisive.rule ?? null, gate.confidence);
  return rules.length > 1 ? `${sentence} ${tally(comparison.rules)}` : sentence;
}

/** What a rule asks for, e.g. `may fall by 0.010`, `at least 0.800`. */
export function ruleText(rule: GateRule): string {
  if (rule.min !== null) return `at least ${formatScore(rule.metric, rule.min)}`;
  if (rule.max !== null) return `at most ${formatScore(rule.metric, rule.max)}`;
  const falls = METRICS.get(rule.metric)?.higherIsBetter ?? true;
  const margin = rule.maxRegression ?? 0;
  if (margin === 0) return falls ? "may not fall" : "may not rise";
  return `may ${falls ? "fall" : "rise"} by ${formatScore(rule.metric, margin)}`;
}

/** Changes of metrics with different ranges, made comparable. */
function weight({ metric, delta }: RuleOutcome): number {
  const [low, high] = METRICS.get(metric)?.range ?? [0, 1];
  return Math.abs(delta) / (high - low);
}

function describe(outcome: RuleOutcome, rule: GateRule | null, confidence: number): string {
  const { metric, suite, slice, base, head, delta, ci, verdict } = outcome;
  const where = `${metric} of ${suite}${slice === undefined ? "" : ` (${slice})`}`;
  const interval = `${formatPercent(confidence)} interval ${formatInterval(metric, ci)}`;
  if (rule !== null && rule.maxRegression === null) {
    return `${where} is ${formatScore(metric, head)} (base ${formatScore(metric, base)}); the gate asks for ${ruleText(rule)}.`;
  }
  const from = `${formatScore(metric, base)} → ${formatScore(metric, head)}`;
  const moved =
    delta === 0
      ? `${where} did not change (${formatScore(metric, head)}).`
      : `${where} ${delta > 0 ? "rose" : "fell"} by ${formatDelta(metric, delta).slice(1)} (${from}, ${interval})`;
  const allowed = rule === null ? "" : `; it ${ruleText(rule)}`;
  if (delta === 0) return moved;
  if (verdict !== "inconclusive") return `${moved}${allowed}.`;
  const need = outcome.need_rows;
  const rows = need === undefined ? "" : `; about ${formatCount(need)} would`;
  return `${moved}${allowed}. Its rows do not decide${rows}.`;
}

function tally(rules: readonly RuleOutcome[]): string {
  const count = (verdict: RuleOutcome["verdict"]): number => rules.filter((rule) => rule.verdict === verdict).length;
  const parts = [
    [count("fail"), "fail"],
    [count("inconclusive"), "inconclusive"],
    [count("pass"), "pass"],
  ] as const;
  const told = parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return `Of ${rules.length} rules: ${told.join(", ")}.`;
}
