/** A training in words, and its curve in one line of text. */
import { formatCount, formatPlural } from "./format.js";
import type { TrainSummary } from "./report.js";
import { thin } from "./thin.js";

/**
 * E.g. `loss 3.000 to 1.234 in 40 steps over 900 rows (3 cut, 1 dropped), validation loss 2.100 to 1.600 (kept the lowest,
 * 1.500 at step 30)`.
 */
export function trainingSentence({
  steps,
  loss,
  losses = [],
  validation = [],
  keptStep = steps,
  rows,
}: TrainSummary): string {
  const first = losses.find(Number.isFinite);
  const way = loss === null ? "" : `loss ${first === undefined ? "" : `${first.toFixed(3)} to `}${loss.toFixed(3)} in `;
  return `${way}${formatPlural(steps, "step")}${rowsPart(rows)}${validationPart(validation, steps, keptStep)}`;
}

/** Rows that were cut or dropped are never silent. */
function rowsPart(rows: TrainSummary["rows"]): string {
  if (rows === undefined) return "";
  const lost = [
    ...(rows.cut > 0 ? [`${formatCount(rows.cut)} cut`] : []),
    ...(rows.dropped > 0 ? [`${formatCount(rows.dropped)} dropped`] : []),
  ];
  return ` over ${formatPlural(rows.used, "row")}${lost.length > 0 ? ` (${lost.join(", ")})` : ""}`;
}

function validationPart(validation: NonNullable<TrainSummary["validation"]>, steps: number, keptStep: number): string {
  const [first, last] = [validation[0], validation.at(-1)];
  if (first === undefined || last === undefined) return "";
  const way = first === last ? last.loss.toFixed(3) : `${first.loss.toFixed(3)} to ${last.loss.toFixed(3)}`;
  const best = validation.reduce((lowest, one) => (one.loss < lowest.loss ? one : lowest));
  const lowest = `lowest, ${best.loss.toFixed(3)} at step ${best.step}`;
  if (keptStep < steps) return `, validation loss ${way} (kept the ${lowest})`;
  return `, validation loss ${way}${best === last ? "" : ` (${lowest})`}`;
}

const BARS = "▁▂▃▄▅▆▇█";
const SPARKLINE_WIDTH = 24;

/** Values as bars from the lowest to the highest; empty for fewer than two. */
export function sparkline(values: readonly number[]): string {
  const points = thin(values.filter(Number.isFinite), SPARKLINE_WIDTH);
  const [low, high] = [Math.min(...points), Math.max(...points)];
  if (points.length < 2 || high === low) return "";
  return points.map((value) => BARS[Math.round(((value - low) / (high - low)) * (BARS.length - 1))]).join("");
}
