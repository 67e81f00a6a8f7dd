/** The gate: two results and a policy in, a verdict a rule and one over all out. Pure. */
import {
  type Comparison,
  type GateConfig,
  type GateRule,
  GituneError,
  type Results,
  type RuleOutcome,
  type Verdict,
} from "@gitune/core";
import type { Metric } from "../metrics/metric.js";
import { findMetric } from "../metrics/table.js";
import { holm } from "../stats/holm.js";
import { normalQuantile } from "../stats/normal.js";
import { measuredOf } from "../suites/measured-of.js";
import { type Evidence, weigh } from "./evidence.js";
import { listChangedRows } from "./list-changed-rows.js";
import { pairResults, type RowPair, type SuitePair } from "./pair.js";

/**
 * Judges head against base by the gate's rules.
 *
 * **A margin** (`maxRegression`, m): two one-sided hypotheses are tested, each at α = (1 - confidence) / 2, which is what
 * a two-sided interval at `confidence` leaves on either side. For a metric where higher is better:
 * - `pass`: "worse by m or more" is rejected; the interval's lower bound is at or above -m.
 * - `fail`: "worse by less than m, or better" is rejected; the interval's upper bound is below -m.
 * - `inconclusive`: neither; `need_rows` is about how many rows would decide if difference and spread stay as they are
 *   (left out where the difference equals the margin: no number would).
 *
 * **Several rules**: p-values of all margin rules are adjusted by Holm, those for `pass` and those for `fail` each as one
 * family, and the verdicts use the adjusted ones. So over the whole gate the chance of even one false `fail` is at most
 * α, and so is that of even one false `pass`. The price: with several rules a rule can be `inconclusive` although its
 * own interval, which is shown unadjusted, clears the margin.
 * `p` and `adjusted_p` are those of the first hypothesis: small means "not worse by more than the margin" is sure.
 *
 * **A threshold** (`min`, `max`): the head's value decides; p is null, the interval shown is that of the difference.
 *
 * **A slice** judges the rows with that tag alone. **Overall**: `fail` if a rule fails, else `inconclusive` if one is,
 * else `pass`, also without rules.
 *
 * @throws {GituneError} `gate.not-comparable` when rows, data, template or signatures differ; `gate.rule` when a rule
 *   names a suite, metric or slice that the results lack. Exit code 2.
 */
export function compareResults(base: Results, head: Results, gate: GateConfig): Comparison {
  const suites = pairResults(base, head);
  const cases = gate.rules.map((rule) => openCase(rule, suites, gate.confidence));
  const rules = decide(cases, gate.confidence);
  return {
    version: 1,
    verdict: worst(rules.map((rule) => rule.verdict)),
    rules,
    ...listChangedRows(suites, gate.rules),
  };
}

/** What the verdict means for the exit code: 1 stops a merge. */
export function gateExitCode(comparison: Comparison, gate: GateConfig): 0 | 1 {
  if (comparison.verdict === "fail") return 1;
  return comparison.verdict === "inconclusive" && gate.inconclusive === "block" ? 1 : 0;
}

interface Case {
  readonly rule: GateRule;
  readonly metric: Metric;
  readonly n: number;
  readonly evidence: Evidence;
}

function openCase(rule: GateRule, suites: readonly SuitePair[], confidence: number): Case {
  const metric = findMetric(rule.metric);
  const suite = suites.find(({ name }) => name === rule.suite);
  if (suite === undefined) {
    throw unknown(
      "suite",
      rule.suite,
      suites.map(({ name }) => name),
      rule,
    );
  }
  if (suite.head.metrics[metric.name] === undefined) {
    throw unknown("metric", metric.name, Object.keys(suite.head.metrics), rule);
  }
  const rows = rule.slice === null ? suite.rows : suite.rows.filter((row) => isTagged(row, rule.slice));
  if (rows.length === 0) {
    throw unknown("slice", rule.slice ?? "all rows", Object.keys(suite.head.slices), rule);
  }
  const scores = {
    base: rows.map((row) => measuredOf(row.base, metric)),
    head: rows.map((row) => measuredOf(row.head, metric)),
  };
  return { rule, metric, n: rows.length, evidence: weigh(metric, scores, confidence) };
}

function isTagged(row: RowPair, tag: string | null): boolean {
  return tag !== null && (row.head.tags?.includes(tag) ?? false);
}

function unknown(what: string, name: string, known: readonly string[], rule: GateRule): GituneError {
  return new GituneError({
    code: "gate.rule",
    severity: "error",
    message: `a gate rule names the ${what} "${name}", which the results of suite "${rule.suite}" do not have`,
    expected: known.length > 0 ? `one of ${known.join(", ")}` : `results with a ${what}`,
    found: name,
  });
}

function decide(cases: readonly Case[], confidence: number): readonly RuleOutcome[] {
  const alpha = (1 - confidence) / 2;
  const margins = cases.filter(({ rule }) => rule.maxRegression !== null);
  const passPs = margins.map(passP);
  const adjustedPass = holm(passPs);
  const adjustedFail = holm(margins.map(failP));
  return cases.map((item) => {
    const index = margins.indexOf(item);
    if (index < 0) return outcome(item, { p: null, adjusted_p: null, verdict: judgeThreshold(item) });
    const [passes, fails] = [adjustedPass[index] ?? 1, adjustedFail[index] ?? 1];
    const verdict: Verdict = passes <= alpha ? "pass" : fails <= alpha ? "fail" : "inconclusive";
    const needed = verdict === "inconclusive" ? rowsNeeded(item, alpha / margins.length) : undefined;
    return {
      ...outcome(item, { p: passPs[index] ?? 1, adjusted_p: passes, verdict }),
      ...(needed === undefined ? {} : { need_rows: needed }),
    };
  });
}

function outcome(
  { rule, metric, evidence }: Case,
  judged: Pick<RuleOutcome, "p" | "adjusted_p" | "verdict">,
): RuleOutcome {
  return {
    suite: rule.suite,
    metric: metric.name,
    ...(rule.slice === null ? {} : { slice: rule.slice }),
    base: evidence.base,
    head: evidence.head,
    delta: evidence.delta,
    ci: evidence.ci,
    ...judged,
  };
}

/** p of "worse by the margin or more". */
function passP({ rule, metric, evidence }: Case): number {
  const margin = rule.maxRegression ?? 0;
  return metric.higherIsBetter ? evidence.pAbove(-margin) : evidence.pBelow(margin);
}

/** p of "worse by less than the margin, or better". */
function failP({ rule, metric, evidence }: Case): number {
  const margin = rule.maxRegression ?? 0;
  return metric.higherIsBetter ? evidence.pBelow(-margin) : evidence.pAbove(margin);
}

function judgeThreshold({ rule, evidence }: Case): Verdict {
  const isLow = rule.min !== null && evidence.head < rule.min;
  const isHigh = rule.max !== null && evidence.head > rule.max;
  return isLow || isHigh ? "fail" : "pass";
}

/** n with z · deviation / sqrt(n) = distance to the margin, by the normal approximation. More than there are now. */
function rowsNeeded({ rule, metric, evidence, n }: Case, alpha: number): number | undefined {
  const margin = rule.maxRegression ?? 0;
  const distance = Math.abs((metric.higherIsBetter ? evidence.delta : -evidence.delta) + margin);
  // What rounding leaves of equality; no real difference of row means is that small.
  if (distance < 1e-12) return undefined;
  const needed = Math.ceil(((normalQuantile(1 - alpha) * evidence.rowDeviation) / distance) ** 2);
  return Number.isSafeInteger(needed) ? Math.max(needed, n + 1) : undefined;
}

const SEVERITY: Readonly<Record<Verdict, number>> = { pass: 0, inconclusive: 1, fail: 2 };

function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((found, verdict) => (SEVERITY[verdict] > SEVERITY[found] ? verdict : found), "pass");
}
