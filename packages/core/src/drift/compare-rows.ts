/** Whether new rows are like those before: a distance for each thing that a person would look at. */
import { shownLabel } from "../dataset/label-tally.js";
import type { Lengths } from "../dataset/lengths.js";
import { decileBins, populationStability } from "./psi.js";
import type { RowTally } from "./row-tally.js";

/** What is compared: medians of lengths are in characters, labels and scripts are shares of rows. */
export type DriftMeasureName = "prompt_length" | "answer_length" | "labels" | "scripts";

/** How far apart two sets of rows are in one thing. */
export interface DriftMeasure {
  readonly measure: DriftMeasureName;
  /** The population stability index; 0 and more. */
  readonly psi: number;
  /** How likely so much is by chance alone; 0..1. */
  readonly pValue: number;
  /** Whether that is too much to be passed over: `psi` above what the config allows, and surely not chance. */
  readonly isDrifted: boolean;
  /** The label or script that moved most; null for lengths, and for all that was never there before taken together. */
  readonly category: string | null;
  /** A median in characters, or the category's share in 0..1. */
  readonly before: number;
  /** As `before`. */
  readonly now: number;
}

/** Fewer rows than this, on either side, say nothing. With 30, only what is far from before is no chance. */
export const MIN_DRIFT_ROWS = 30;
/** A few measures a night, every night: one false alarm in about a thousand comparisons. */
const SIGNIFICANCE = 0.001;

/**
 * @param now counted with `before` in hand, for its labels
 * @param max the greatest `psi` that is no drift
 * @returns empty where either side has too few rows
 */
export function compareRows(before: RowTally, now: RowTally, max: number): readonly DriftMeasure[] {
  if (Math.min(before.rows, now.rows) < MIN_DRIFT_ROWS) return [];
  const labels = { before: before.labels(), now: now.labels() };
  const measures = [
    ofLengths("prompt_length", before.prompts, now.prompts),
    // A label's length is no news beside the label.
    labels.before && labels.now
      ? ofShares("labels", labels.before, labels.now)
      : ofLengths("answer_length", before.answers, now.answers),
    ofShares("scripts", before.scripts, now.scripts),
  ];
  return measures.flatMap((one) => (one ? [{ ...one, isDrifted: one.psi > max && one.pValue < SIGNIFICANCE }] : []));
}

type Measured = Omit<DriftMeasure, "isDrifted">;

function ofLengths(measure: DriftMeasureName, before: Lengths, now: Lengths): Measured | null {
  const [old, fresh] = [before.spread(), now.spread()];
  if (!old || !fresh) return null;
  const { psi, pValue } = populationStability(...decileBins(before, now));
  return { measure, psi, pValue, category: null, before: old.p50, now: fresh.p50 };
}

type Counts = ReadonlyMap<string | null, number>;

function ofShares(measure: DriftMeasureName, before: Counts, now: Counts): Measured {
  const known = [...before.keys()].filter((category) => category !== null);
  const all = [...now.values()].reduce((sum, rows) => sum + rows, 0);
  const seen = known.map((category) => now.get(category) ?? 0);
  const unseen = all - seen.reduce((sum, rows) => sum + rows, 0);
  const old = [...known.map((category) => before.get(category) ?? 0), 0];
  const fresh = [...seen, unseen];
  const { psi, pValue, parts } = populationStability(old, fresh);
  const most = parts.indexOf(Math.max(...parts));
  const category = known[most];
  const total = old.reduce((sum, rows) => sum + rows, 0);
  return {
    measure,
    psi,
    pValue,
    category: category === undefined ? null : shownLabel(category),
    before: (old[most] ?? 0) / total,
    now: (fresh[most] ?? 0) / all,
  };
}

const NAMES: Readonly<Record<DriftMeasureName, string>> = {
  prompt_length: "length of prompts",
  answer_length: "length of answers",
  labels: "labels",
  scripts: "scripts",
};

/**
 * A measure in words, such as `labels, PSI 0.41: "refund" 12.0% → 41.3%`.
 * @param shown what to make of a label where the words go: it is text of a row
 */
export function driftText(
  { measure, psi, category, before, now }: Pick<DriftMeasure, "measure" | "psi" | "category" | "before" | "now">,
  shown: (text: string) => string,
): string {
  const isLength = measure === "prompt_length" || measure === "answer_length";
  const figure = (value: number) => (isLength ? value.toLocaleString("en") : `${(100 * value).toFixed(1)}%`);
  const name = category === null ? "not seen before" : measure === "labels" ? `"${shown(category)}"` : shown(category);
  const what = isLength ? "median" : name;
  const unit = isLength ? " characters" : "";
  return `${NAMES[measure]}, PSI ${psi.toFixed(2)}: ${what} ${figure(before)} → ${figure(now)}${unit}`;
}
