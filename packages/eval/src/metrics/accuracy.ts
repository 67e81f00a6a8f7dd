/** accuracy: share of classifying rows whose prediction is the label. Rows with free references have no label: refused. */
import type { MeanMetric } from "./metric.js";
import { normalizeSpaces } from "./text.js";

export const accuracy: MeanMetric = {
  name: "accuracy",
  description: "Share of rows whose prediction is the label.",
  kind: "mean",
  isBinary: true,
  range: [0, 1],
  higherIsBetter: true,
  signature: "accuracy|norm:nfc+trim+spaces|case:mixed",
  needs: "label",
  score: ({ prediction, label }) => (label !== null && normalizeSpaces(prediction) === normalizeSpaces(label) ? 1 : 0),
};
