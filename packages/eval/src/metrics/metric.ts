/** What a metric is. A metric's file carries its own name, range, direction and signature; `table.ts` lists them. */

/** A prediction and what it is measured against. A row with a label has that label as its only reference, too. */
export interface ScoredText {
  /** Names the row in errors. */
  readonly id: string;
  readonly prediction: string;
  /** At least one. */
  readonly references: readonly string[];
  /** The one right answer of a classifying row; null for a row with free references. */
  readonly label: string | null;
}

interface MetricBase {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  /** Of row scores and of the value alike. */
  readonly range: readonly [number, number];
  readonly higherIsBetter: boolean;
  /** What exactly is computed, in one line; two values with different signatures must not be compared. */
  readonly signature: string;
  /** `label`: only rows with a label; `references`: only rows with free references; `either`: both. */
  readonly needs: "references" | "label" | "either";
  /** Says why a row cannot be scored by this metric; undefined where it can. */
  readonly refuses?: (row: ScoredText) => Refusal | undefined;
  /** One row's score, in `range`. */
  readonly score: (row: ScoredText) => number;
}

/** Why a row cannot be scored, for the error that names it. */
export interface Refusal {
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  readonly fix: string;
}

/** The value is the mean of the row scores. */
export interface MeanMetric extends MetricBase {
  readonly kind: "mean";
  /** Row scores are 0 or 1, so that exact methods for proportions apply. */
  readonly isBinary: boolean;
}

/** Counts of one row; they add up over rows. A key that a row lacks counts as 0. */
export type Statistics = Readonly<Record<string, number>>;

/**
 * The value comes from counts summed over all rows, and is not the mean of the row scores (BLEU, chrF).
 * Intervals resample the rows' counts.
 */
export interface CorpusMetric extends MetricBase {
  readonly kind: "corpus";
  readonly statistics: (row: ScoredText) => Statistics;
  /** @param sums of every row's statistics @returns a value in `range`, also where all sums are 0 */
  readonly aggregate: (sums: Statistics) => number;
}

/** One metric: its name, range and direction, and how it scores. */
export type Metric = MeanMetric | CorpusMetric;
