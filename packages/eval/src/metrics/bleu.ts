/**
 * bleu: corpus BLEU from summed counts, equal to sacreBLEU's default (13a tokens, exponential smoothing, mixed case).
 * A row's own score is sentence BLEU with effective order, as sacreBLEU recommends for single sentences.
 * @see Post 2018, A Call for Clarity in Reporting BLEU Scores; mjpost/sacrebleu 2.6.0
 */
import type { CorpusMetric, ScoredText, Statistics } from "./metric.js";
import { countItems, splitWords, trimEnd } from "./text.js";

const MAX_ORDER = 4;

/** sacreBLEU's tokenizer `13a` (mteval-v13a), with its end-of-line trimming. */
export function tokenize13a(line: string): string[] {
  let text = trimEnd(line).replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  text = text.replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  text = ` ${text} `
    .replace(/([{-~[-` -&(-+:-@/])/gu, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/gu, "$1 $2 ");
  return splitWords(text);
}

/** n-grams of one order; a space cannot be inside a token. */
function ngrams(tokens: readonly string[], order: number): Map<string, number> {
  const found: string[] = [];
  for (let start = 0; start + order <= tokens.length; start++) found.push(tokens.slice(start, start + order).join(" "));
  return countItems(found);
}

function statistics({ prediction, references }: ScoredText): Statistics {
  const found = tokenize13a(prediction);
  const expected = references.map(tokenize13a);
  const sums: Record<string, number> = { sys_len: found.length, ref_len: closestLength(found.length, expected) };
  for (let order = 1; order <= MAX_ORDER; order++) {
    const counts = ngrams(found, order);
    const ceilings = expected.map((tokens) => ngrams(tokens, order));
    let correct = 0;
    for (const [gram, count] of counts) {
      correct += Math.min(count, Math.max(...ceilings.map((ceiling) => ceiling.get(gram) ?? 0)));
    }
    sums[`correct_${order}`] = correct;
    sums[`total_${order}`] = Math.max(found.length - order + 1, 0);
  }
  return sums;
}

/** The length of the reference nearest in length; the shorter of two that are equally near. */
function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((tokens) => tokens.length);
  return lengths.reduce((best, next) => {
    const [was, is] = [Math.abs(length - best), Math.abs(length - next)];
    return is < was || (is === was && next < best) ? next : best;
  });
}

function bleuOf(sums: Statistics, effectiveOrder: boolean): number {
  const [sysLen, refLen] = [sums["sys_len"] ?? 0, sums["ref_len"] ?? 0];
  const correct = [1, 2, 3, 4].map((order) => sums[`correct_${order}`] ?? 0);
  if (correct.every((count) => count === 0)) return 0;
  let [smoothing, orders, logSum] = [1, 0, 0];
  for (let order = 1; order <= MAX_ORDER; order++) {
    const [hits, total] = [correct[order - 1] ?? 0, sums[`total_${order}`] ?? 0];
    // No prediction is that long: BLEU is 0 by its definition, and over the orders there are with effective order.
    if (total === 0) {
      if (effectiveOrder) break;
      return 0;
    }
    if (hits === 0) smoothing *= 2;
    logSum += Math.log(hits === 0 ? 100 / (smoothing * total) : (100 * hits) / total);
    orders++;
  }
  const brevity = sysLen < refLen ? Math.exp(1 - refLen / sysLen) : 1;
  // exp(log(100)) is a bit above 100.
  return Math.min(100, brevity * Math.exp(logSum / orders));
}

export const bleu: CorpusMetric = {
  name: "bleu",
  description: "Precision of word sequences up to four words, over the whole suite (0 to 100).",
  kind: "corpus",
  range: [0, 100],
  higherIsBetter: true,
  signature: "bleu|case:mixed|eff:no|tok:13a|smooth:exp|impl:sacrebleu-2.6.0",
  needs: "references",
  score: (row) => bleuOf(statistics(row), true),
  statistics,
  aggregate: (sums) => bleuOf(sums, false),
};
