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

  /** @returns the labels, the most frequent first, one that is a secret or personal data by its kind; null where the answers are none */
  labels(): readonly LabelCount[] | null {
    if (this.counts === null || this.rows === 0) return null;
    if (this.counts.size * MIN_ROWS_PER_LABEL > this.rows) return null;
    return [...this.counts]
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .map(([label, rows]) => ({ label: [...sensitiveKinds(label)][0] ?? label, rows }));
  }
}
