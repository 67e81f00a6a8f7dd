/**
 * chrf: F-score (β = 2) of character n-grams up to six, white space left out, from summed counts; equal to sacreBLEU's
 * `chrF2`. Works for every script. Of several references the one with the best row score counts.
 * @see Popović 2015, chrF: character n-gram F-score for automatic MT evaluation; mjpost/sacrebleu 2.6.0
 */
import type { CorpusMetric, ScoredText, Statistics } from "./metric.js";
import { countItems, overlap, splitWords } from "./text.js";

const MAX_ORDER = 6;
const BETA_SQUARED = 4;

/** Python's characters are code points, so these are, too. */
function characterNgrams(text: string): Map<string, number>[] {
  const characters = [...splitWords(text).join("")];
  return Array.from({ length: MAX_ORDER }, (_, index) => {
    const order = index + 1;
    const found: string[] = [];
    for (let start = 0; start + order <= characters.length; start++) {
      found.push(characters.slice(start, start + order).join(""));
    }
    return countItems(found);
  });
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function statistics({ prediction, references }: ScoredText): Statistics {
  const found = characterNgrams(prediction);
  let best: Statistics = {};
  let bestScore = -1;
  for (const reference of references) {
    const sums: Record<string, number> = {};
    for (const [index, expected] of characterNgrams(reference).entries()) {
      const counts = found[index] ?? new Map<string, number>();
      // As in sacreBLEU: n-grams of an order that the reference lacks are not held against the prediction.
      sums[`hyp_${index + 1}`] = expected.size > 0 ? total(counts) : 0;
      sums[`ref_${index + 1}`] = total(expected);
      sums[`match_${index + 1}`] = overlap(counts, expected);
    }
    const score = chrfOf(sums);
    if (score > bestScore) [best, bestScore] = [sums, score];
  }
  return best;
}

function chrfOf(sums: Statistics): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (let order = 1; order <= MAX_ORDER; order++) {
    const [hyp, ref, match] = [sums[`hyp_${order}`] ?? 0, sums[`ref_${order}`] ?? 0, sums[`match_${order}`] ?? 0];
    if (hyp === 0 || ref === 0) continue;
    precision += match / hyp;
    recall += match / ref;
    orders++;
  }
  if (precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  return (100 * ((1 + BETA_SQUARED) * precision * recall)) / (BETA_SQUARED * precision + recall);
}

export const chrf: CorpusMetric = {
  name: "chrf",
  description: "Character sequences in common, over the whole suite (0 to 100).",
  kind: "corpus",
  range: [0, 100],
  higherIsBetter: true,
  signature: "chrf|case:mixed|eff:yes|nc:6|nw:0|space:no|impl:sacrebleu-2.6.0",
  needs: "references",
  score: (row) => chrfOf(statistics(row)),
  statistics,
  aggregate: chrfOf,
};
