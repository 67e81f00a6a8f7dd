/** Differences as inline SVG. Colours come from the page's style sheet by class; every number is in a table, too. */
import { METRICS } from "../metrics/table.js";
import { escapeHtml } from "./escape.js";
import { formatDelta, formatInterval } from "./format.js";
import type { MetricLine } from "./report.js";

const WIDTH = 680;
const LABEL_WIDTH = 190;
const ROW_HEIGHT = 26;
const PADDING = 14;

export interface ForestRow {
  readonly label: string;
  readonly line: MetricLine;
}

/**
 * Differences with their intervals, a line each, as shares of each metric's range; better is to the right. The tick of a
 * rule is how far the head may fall.
 */
export function forestPlot(rows: readonly ForestRow[]): string {
  if (rows.length === 0) return "";
  const bars = rows.map(toBar);
  const reach = Math.max(0.001, ...bars.flatMap(({ low, high, margin }) => [-low, high, margin ?? 0])) * 1.08;
  const x = (share: number): string => {
    const middle = (WIDTH + LABEL_WIDTH - PADDING) / 2;
    return (middle + (share / reach) * (WIDTH - PADDING - middle)).toFixed(1);
  };
  const height = rows.length * ROW_HEIGHT + 2 * PADDING + 18;
  const bottom = height - PADDING - 18;
  const marks = bars.map((bar, index) => {
    const y = PADDING + index * ROW_HEIGHT + ROW_HEIGHT / 2;
    const tick =
      bar.margin === null
        ? ""
        : `<line class="margin" x1="${x(-bar.margin)}" x2="${x(-bar.margin)}" y1="${y - 10}" y2="${y + 10}"/>`;
    return [
      `<text x="0" y="${y + 4}">${escapeHtml(bar.label, 28)}</text>`,
      tick,
      `<line class="bar ${bar.verdict}" x1="${x(bar.low)}" x2="${x(bar.high)}" y1="${y}" y2="${y}"/>`,
      `<circle class="dot ${bar.verdict}" cx="${x(bar.delta)}" cy="${y}" r="4.5"><title>${escapeHtml(bar.text)}</title></circle>`,
    ].join("");
  });
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Differences of head and base with their intervals">`,
    `<line class="zero" x1="${x(0)}" x2="${x(0)}" y1="${PADDING}" y2="${bottom}"/>`,
    ...marks,
    `<text class="faint" x="${LABEL_WIDTH}" y="${height - PADDING}">worse</text>`,
    `<text class="faint end" x="${WIDTH - PADDING}" y="${height - PADDING}">better</text>`,
    "</svg>",
  ].join("");
}

function toBar({ label, line }: ForestRow) {
  const metric = METRICS.get(line.metric);
  const [bottom, top] = metric?.range ?? [0, 1];
  const scale = (metric?.higherIsBetter === false ? -1 : 1) / (top - bottom);
  const ends = line.ci.map((end) => end * scale);
  const margin = line.judged.find(({ rule }) => rule.maxRegression !== null)?.rule.maxRegression ?? null;
  return {
    label,
    low: Math.min(...ends),
    high: Math.max(...ends),
    delta: line.delta * scale,
    margin: margin === null ? null : margin / (top - bottom),
    verdict: line.judged[0]?.outcome.verdict ?? "none",
    text: `${label}: ${formatDelta(line.metric, line.delta)} (${formatInterval(line.metric, line.ci)})`,
  };
}
