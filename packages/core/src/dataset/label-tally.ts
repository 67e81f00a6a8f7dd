/** Answers that are labels rather than texts: few, short, and each comes again. */
import { sensitiveKinds } from "../checks/sensitive-kinds.js";

/** How many rows answer with one label. */
export interface LabelCount {
  readonly label: string;
  readonly rows: number;
}

const MAX_LABELS = 20;
const MAX_LABEL_CHARS = 30;
const MIN_ROWS_PER_LABEL = 3;

/** Counts answers, and stops as soon as they cannot be labels: memory is bounded whatever the rows are. */
export class LabelTally {
  private counts: Map<string, number> | null = new Map();
  private rows = 0;

  /** @param answer undefined where the row has none */
  add(answer: string | undefined): void {
    this.rows += 1;
    if (answer === undefined || answer.length > MAX_LABEL_CHARS) this.counts = null;
    if (answer === undefined || this.counts === null) return;
    this.counts.set(answer, (this.counts.get(answer) ?? 0) + 1);
    if (this.counts.size > MAX_LABELS) this.counts = null;
  }

  /** @returns rows by answer, as written; null where the answers are no labels */
  byAnswer(): ReadonlyMap<string, number> | null {
    if (this.counts === null || this.rows === 0) return null;
    return this.counts.size * MIN_ROWS_PER_LABEL > this.rows ? null : this.counts;
  }

  /** @returns the labels as they may be shown, the most frequent first; null where the answers are none */
  labels(): readonly LabelCount[] | null {
    const counts = this.byAnswer();
    if (counts === null) return null;
    return [...counts]
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .map(([label, rows]) => ({ label: shownLabel(label), rows }));
  }
}

/** One that is a secret or personal data is named by its kind. */
export function shownLabel(answer: string): string {
  return [...sensitiveKinds(answer)][0] ?? answer;
}
