/** exact_match: 1 where the prediction equals a reference (or the label), 0 elsewhere. */
import type { MeanMetric } from "./metric.js";
import { normalizeSpaces } from "./text.js";

export const exactMatch: MeanMetric = {
  name: "exact_match",
  description: "Share of rows whose prediction equals a reference.",
  kind: "mean",
  isBinary: true,
  range: [0, 1],
  higherIsBetter: true,
  signature: "exact_match|norm:nfc+trim+spaces|case:mixed|multi:any",
  needs: "either",
  score: ({ prediction, references }) => {
    const found = normalizeSpaces(prediction);
    return references.some((reference) => normalizeSpaces(reference) === found) ? 1 : 0;
  },
};
