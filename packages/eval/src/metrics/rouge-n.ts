/** rouge1 and rouge2: F1 of the n-grams that prediction and reference share. */
import { defineRouge, rougeTokens } from "./rouge.js";
import { countItems, f1, overlap } from "./text.js";

function ngrams(tokens: readonly string[], n: number): Map<string, number> {
  const found: string[] = [];
  for (let start = 0; start + n <= tokens.length; start++) found.push(tokens.slice(start, start + n).join(" "));
  return countItems(found);
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function rougeN(n: number): (reference: string, prediction: string) => number {
  return (reference, prediction) => {
    const expected = ngrams(rougeTokens(reference), n);
    const found = ngrams(rougeTokens(prediction), n);
    const common = overlap(expected, found);
    return f1(common / Math.max(total(found), 1), common / Math.max(total(expected), 1));
  };
}

export const rouge1 = defineRouge("rouge1", "Share of words in common (F1).", rougeN(1));
export const rouge2 = defineRouge("rouge2", "Share of word pairs in common (F1).", rougeN(2));
