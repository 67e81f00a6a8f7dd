/**
 * The population stability index: how far two sets of counts over the same bins are apart, Σ (q − p) · ln(q / p) over
 * the bins' shares p before and q now. It is symmetric: the sum of the two Kullback-Leibler divergences (Jeffreys).
 */
import { chiSquareTail } from "./chi-square.js";

export interface Stability {
  /** 0 where the shares are the same. The usual reading: below 0.1 none, to 0.25 moderate, above it large. */
  readonly psi: number;
  /** How likely so much is by chance alone, where nothing has changed; 0..1. */
  readonly pValue: number;
  /** What each bin adds to `psi`, in the order of the bins. */
  readonly parts: readonly number[];
}

/**
 * Each bin gets half a row more, on both sides as though both had as many rows as the smaller one: an empty bin stays
 * finite, and tells no more than the smaller side could show.
 *
 * By chance alone, PSI / (1/n + 1/m) goes as chi-square with one degree of freedom less than there are bins (so PSI is
 * about (bins − 1) · (1/n + 1/m), not 0, and exceeds 0.25 in almost half of all cases with ten bins and 30 rows).
 * @see Yurdakul 2018, Statistical properties of population stability index, https://scholarworks.wmich.edu/dissertations/3208
 *   Beyond it: the half rows, and bins that are empty on both sides are left out.
 * @param before rows by bin   @param now rows by bin, as long
 */
export function populationStability(before: readonly number[], now: readonly number[]): Stability {
  const [m, n] = [sum(before), sum(now)];
  const bins = before.filter((rows, at) => rows + (now[at] ?? 0) > 0).length;
  if (m === 0 || n === 0 || bins < 2) return { psi: 0, pValue: 1, parts: before.map(() => 0) };
  const rows = Math.min(m, n);
  const share = (count: number, all: number) => ((count / all) * rows + 0.5) / (rows + 0.5 * bins);
  const parts = before.map((count, at) => {
    const other = now[at] ?? 0;
    if (count + other === 0) return 0;
    const [p, q] = [share(count, m), share(other, n)];
    return (q - p) * Math.log(q / p);
  });
  const psi = sum(parts);
  return { psi, pValue: chiSquareTail(psi / (1 / n + 1 / m), bins - 1), parts };
}

/** Deciles. More bins see more and need more rows. */
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const;

/** Numbers, counted. */
interface Counted {
  readonly quantiles: (shares: readonly number[]) => readonly number[];
  readonly sorted: () => readonly (readonly [value: number, rows: number])[];
}

/**
 * Counts two sets of numbers by the deciles of the first. A value that fills several deciles makes them one bin, and
 * where it is the least one, there is a bin below it: what was never shorter may get shorter.
 */
export function decileBins(
  before: Counted,
  now: Counted,
): readonly [before: readonly number[], now: readonly number[]] {
  const deciles = [...new Set(before.quantiles(SHARES))];
  const least = before.sorted()[0]?.[0];
  const edges = least !== undefined && deciles[0] === least ? [least - 1, ...deciles] : deciles;
  return [countBins(before, edges), countBins(now, edges)];
}

/** @param edges whole numbers, rising; a bin reaches up to its edge and includes it, the last one has none */
function countBins(counted: Counted, edges: readonly number[]): readonly number[] {
  const bins = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const [value, rows] of counted.sorted()) {
    while (bin < edges.length && value > (edges[bin] ?? Number.POSITIVE_INFINITY)) bin += 1;
    bins[bin] = (bins[bin] ?? 0) + rows;
  }
  return bins;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
