/**
 * token_f1: F1 of the words in common, as SQuAD 2.0's official evaluation script normalises them: lower case, no ASCII
 * punctuation, no articles. The best of several references counts.
 * @see Rajpurkar et al. 2018, Know What You Don't Know, evaluate-v2.0.py `compute_f1`
 */
import type { MeanMetric } from "./metric.js";
import { bestOf, countItems, f1, overlap, splitWords } from "./text.js";

/** Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** Python's `\b(a|an|the)\b`, where word characters are letters and digits of any script, and `_`. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

function words(text: string): string[] {
  return splitWords(text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLES, " "));
}

function score(reference: string, prediction: string): number {
  const [expected, found] = [words(reference), words(prediction)];
  if (expected.length === 0 || found.length === 0) return expected.length === found.length ? 1 : 0;
  const common = overlap(countItems(expected), countItems(found));
  return f1(common / found.length, common / expected.length);
}

export const tokenF1: MeanMetric = {
  name: "token_f1",
  description: "Words in common, articles and punctuation left out (F1).",
  kind: "mean",
  isBinary: false,
  range: [0, 1],
  higherIsBetter: true,
  signature: "token_f1|norm:squad-2.0|multi:max",
  needs: "either",
  score: ({ prediction, references }) => bestOf(references, (reference) => score(reference, prediction)),
};
