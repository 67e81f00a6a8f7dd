/** rougeL: F1 of the longest common subsequence; line breaks mean nothing to it. */
import { defineRouge, lcsLength, rougeTokens } from "./rouge.js";
import { f1 } from "./text.js";

export const rougeL = defineRouge(
  "rougeL",
  "Longest common sequence of words, gaps allowed (F1).",
  (reference, prediction) => {
    const [expected, found] = [rougeTokens(reference), rougeTokens(prediction)];
    if (expected.length === 0 || found.length === 0) return 0;
    const length = lcsLength(expected, found);
    return f1(length / found.length, length / expected.length);
  },
);
