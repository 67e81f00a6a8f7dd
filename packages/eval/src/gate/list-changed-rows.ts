/** Which rows a change made worse and which better, by the metrics that the gate looks at. */
import type { GateRule } from "@gitune/core";
import { METRICS } from "../metrics/table.js";
import type { RowPair, SuitePair } from "./pair.js";

export interface ChangedRows {
  /** `suite/id`, the largest fall first. */
  readonly regressions: readonly string[];
  /** `suite/id`, the largest rise first. */
  readonly improvements: readonly string[];
}

/** A row's largest fall and rise over the gated metrics, each as a share of the metric's range (so 0..1). */
export interface RowShift {
  readonly fall: number;
  readonly rise: number;
  /** Rules under which it fell, or else rose. A row of a watched slice counts for the slice's rule, too. */
  readonly rules: number;
}

/**
 * A row where any gated metric fell is a regression, also where another rose; one where some rose and none fell is an
 * improvement. Of equal changes, those that concern more rules come first; then the suite's order stays. Without rules all metrics of a suite count.
 */
export function listChangedRows(suites: readonly SuitePair[], rules: readonly GateRule[]): ChangedRows {
  const moved = suites.flatMap((suite) => {
    const watched = rules.length > 0 ? rules.filter((rule) => rule.suite === suite.name) : allMetrics(suite);
    return suite.rows.map((row) => ({ id: `${suite.name}/${row.id}`, ...shiftOf(row, watched) }));
  });
  return {
    regressions: moved
      .filter(({ fall }) => fall > 0)
      .sort((a, b) => b.fall - a.fall || b.rules - a.rules)
      .map(({ id }) => id),
    improvements: moved
      .filter(({ fall, rise }) => fall === 0 && rise > 0)
      .sort((a, b) => b.rise - a.rise || b.rules - a.rules)
      .map(({ id }) => id),
  };
}

type Watched = Pick<GateRule, "metric" | "slice">;

function allMetrics(suite: SuitePair): readonly Watched[] {
  return Object.keys(suite.head.metrics).map((metric) => ({ metric, slice: null }));
}

function shiftOf(row: RowPair, watched: readonly Watched[]): RowShift {
  let [fall, rise, falls, rises] = [0, 0, 0, 0];
  for (const { metric: name, slice } of watched) {
    const metric = METRICS.get(name);
    const [was, is] = [row.base.scores[name], row.head.scores[name]];
    if (metric === undefined || was === undefined || is === undefined) continue;
    if (slice !== null && !row.head.tags?.includes(slice)) continue;
    const gain = ((is - was) * (metric.higherIsBetter ? 1 : -1)) / (metric.range[1] - metric.range[0]);
    fall = Math.max(fall, -gain);
    rise = Math.max(rise, gain);
    if (gain < 0) falls++;
    if (gain > 0) rises++;
  }
  return { fall, rise, rules: falls || rises };
}
