/** Lengths of rows, by how often each occurs. */

/** A length over rows. Quantiles are values that occur (nearest rank). */
export interface Spread {
  readonly total: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Counts lengths: memory goes by how many lengths there are, not by how many rows. */
export class Lengths {
  private readonly counts = new Map<number, number>();
  private added = 0;

  /** How many lengths were added. */
  get rows(): number {
    return this.added;
  }

  add(length: number): void {
    this.counts.set(length, (this.counts.get(length) ?? 0) + 1);
    this.added += 1;
  }

  /** @returns each length with its rows, the shortest first */
  sorted(): readonly (readonly [length: number, rows: number])[] {
    return [...this.counts].sort(([a], [b]) => a - b);
  }

  /**
   * @param shares in 0..1
   * @returns for each the least length that at least this share of the rows does not exceed; empty without rows
   */
  quantiles(shares: readonly number[]): readonly number[] {
    if (this.rows === 0) return [];
    const sorted = this.sorted();
    return shares.map((share) => {
      // A share such as 0.7 is no exact number, and 0.7 of 10 rows are 7.
      let left = Math.ceil(share * this.rows - 1e-9);
      for (const [length, rows] of sorted) {
        left -= rows;
        if (left <= 0) return length;
      }
      return sorted.at(-1)?.[0] ?? 0;
    });
  }

  spread(): Spread | null {
    const sorted = this.sorted();
    const [min, last] = [sorted[0], sorted.at(-1)];
    const [p50, p95] = this.quantiles([0.5, 0.95]);
    if (!min || !last || p50 === undefined || p95 === undefined) return null;
    const total = sorted.reduce((sum, [length, rows]) => sum + length * rows, 0);
    return { total, min: min[0], p50, p95, max: last[0] };
  }
}
