/**
 * What the four ROUGE metrics share: `rouge_score`'s tokens, its longest common subsequence, and the refusal of text
 * that its tokenizer deletes.
 * @see Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries; google-research/rouge (`rouge_score` 0.1.2)
 */
import type { MeanMetric, Refusal, ScoredText } from "./metric.js";
import { bestOf } from "./text.js";

/** `rouge_score`'s default tokenizer without stemming: lower case, then runs of a-z and 0-9. */
export function rougeTokens(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/**
 * The table of the lengths of the longest common subsequences of all prefixes.
 * @returns [a.length + 1, b.length + 1], row after row
 */
export function lcsTable(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const here = i * width + j;
      const [up, left] = [table[here - width]!, table[here - 1]!];
      table[here] = a[i - 1] === b[j - 1] ? table[here - width - 1]! + 1 : Math.max(up, left);
    }
  }
  return table;
}

/** The length of the longest common subsequence, in one row's memory: references may be long. */
export function lcsLength(a: readonly string[], b: readonly string[]): number {
  const row = new Uint32Array(b.length + 1);
  for (const token of a) {
    let diagonal = 0;
    for (let j = 1; j <= b.length; j++) {
      const up = row[j]!;
      row[j] = token === b[j - 1] ? diagonal + 1 : Math.max(up, row[j - 1]!);
      diagonal = up;
    }
  }
  return row[b.length] ?? 0;
}

/** A ROUGE metric from its F1 against one reference; several references give the best of them, as `score_multi` does. */
export function defineRouge(
  name: string,
  description: string,
  score: (reference: string, prediction: string) => number,
): MeanMetric {
  return {
    name,
    description,
    kind: "mean",
    isBinary: false,
    range: [0, 1],
    higherIsBetter: true,
    signature: `${name}|f1|stem:no|tok:a-z0-9|case:lower|multi:max|impl:rouge_score-0.1.2`,
    needs: "references",
    refuses: refuseDeletedText,
    score: ({ prediction, references }) => bestOf(references, (reference) => score(reference, prediction)),
  };
}

/** A reference of letters or digits none of which is a-z or 0-9 scores 0 whatever the model writes. */
function refuseDeletedText({ references }: ScoredText): Refusal | undefined {
  const deleted = references.find((text) => /[\p{L}\p{N}]/u.test(text) && rougeTokens(text).length === 0);
  if (deleted === undefined) return undefined;
  return {
    message: "ROUGE cannot score this row: its tokenizer deletes everything but a-z and 0-9, so any answer gets 0",
    expected: "a reference with letters a-z or digits 0-9",
    found: JSON.stringify([...deleted].slice(0, 40).join("")),
    fix: "use chrf, exact_match or token_f1 for text in other scripts",
  };
}
