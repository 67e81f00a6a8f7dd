/**
 * rougeLsum: summary-level ROUGE-L (Lin 2004 §3.2). A line is a sentence; for each reference sentence the union of its
 * longest common subsequences with every predicted sentence counts, and no token counts twice.
 */
import { defineRouge, lcsTable, rougeTokens } from "./rouge.js";
import { countItems, f1 } from "./text.js";

function sentences(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(rougeTokens);
}

/** Where in `reference` one longest common subsequence lies: `rouge_score`'s choice among equals, read from the end. */
function lcsPositions(reference: readonly string[], candidate: readonly string[]): number[] {
  const table = lcsTable(reference, candidate);
  const width = candidate.length + 1;
  const positions: number[] = [];
  let [i, j] = [reference.length, candidate.length];
  while (i > 0 && j > 0) {
    if (reference[i - 1] === candidate[j - 1]) {
      positions.push(i - 1);
      i--;
      j--;
    } else if (table[i * width + j - 1]! > table[(i - 1) * width + j]!) {
      j--;
    } else {
      i--;
    }
  }
  return positions;
}

function score(reference: string, prediction: string): number {
  const [expected, found] = [sentences(reference), sentences(prediction)];
  const [expectedTokens, foundTokens] = [expected.flat(), found.flat()];
  if (expectedTokens.length === 0 || foundTokens.length === 0) return 0;
  const [expectedLeft, foundLeft] = [countItems(expectedTokens), countItems(foundTokens)];
  let hits = 0;
  for (const sentence of expected) {
    const union = new Set(found.flatMap((candidate) => lcsPositions(sentence, candidate)));
    for (const position of [...union].sort((a, b) => a - b)) {
      const token = sentence[position] ?? "";
      const [inExpected, inFound] = [expectedLeft.get(token) ?? 0, foundLeft.get(token) ?? 0];
      if (inExpected === 0 || inFound === 0) continue;
      hits++;
      expectedLeft.set(token, inExpected - 1);
      foundLeft.set(token, inFound - 1);
    }
  }
  return f1(hits / foundTokens.length, hits / expectedTokens.length);
}

export const rougeLsum = defineRouge("rougeLsum", "ROUGE-L over the lines of a summary (F1).", score);
