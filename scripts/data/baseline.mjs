/**
 * What needs no language model: naive Bayes over words for package-section, with the base state and with each of the
 * demo's changes. `node scripts/data/baseline.mjs`. It tells what a score on the suite is worth.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJsonl } from "./jsonl.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const project = join("datasets", "package-section");
const words = (row) => row.messages[0].content.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Multinomial naive Bayes with add-one smoothing. */
function train(rows) {
  const labels = new Map();
  const vocabulary = new Set();
  for (const row of rows) {
    const label = row.messages[1].content;
    const counts = labels.get(label) ?? { rows: 0, total: 0, words: new Map() };
    labels.set(label, counts);
    counts.rows += 1;
    for (const word of words(row)) {
      vocabulary.add(word);
      counts.total += 1;
      counts.words.set(word, (counts.words.get(word) ?? 0) + 1);
    }
  }
  return (row) => {
    let best;
    let most = Number.NEGATIVE_INFINITY;
    for (const [label, counts] of labels) {
      let score = Math.log(counts.rows / rows.length);
      for (const word of words(row)) {
        if (!vocabulary.has(word)) continue;
        score += Math.log(((counts.words.get(word) ?? 0) + 1) / (counts.total + vocabulary.size));
      }
      if (score > most) [best, most] = [label, score];
    }
    return best;
  };
}

for (const state of ["base", "good", "bad"]) {
  const changed = state === "base" ? "" : join(root, "scripts", "demo", "changes", state, project, "train");
  const shards = ["0001", "0002", "0003"].map((name) => {
    const inChange = join(changed, `${name}.jsonl`);
    return changed !== "" && existsSync(inChange) ? inChange : join(root, project, "train", `${name}.jsonl`);
  });
  const rows = shards.filter((file) => existsSync(file)).flatMap(readJsonl);
  const predict = train(rows);
  const suite = readJsonl(join(root, project, "evals", "section.jsonl"));
  const right = suite.filter((row) => predict(row) === row.label);
  const share = (label) => {
    const all = suite.filter((row) => row.label === label).length;
    return `${label} ${right.filter((row) => row.label === label).length}/${all}`;
  };
  const labels = [...new Set(suite.map((row) => row.label))].sort();
  console.log(
    `${state}: ${rows.length} rows, accuracy ${(right.length / suite.length).toFixed(3)} (${labels.map(share).join(", ")})`,
  );
}
