/** Writes the pretraining text (not committed): .gitune/pretrain/{corpus,validation}.jsonl. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { packRows } from "./documents.mjs";
import { writeJsonl } from "./jsonl.mjs";

/** Tokens a row, end-of-text included: what the projects' rows need, and cheap attention on two cores. */
export const ROW_TOKENS = 256;
/** About 50,000 tokens: enough to rank runs, little beside an epoch. */
const VALIDATION_ROWS = 200;

/** @returns {string[]} what was written, for people */
export function writeCorpus({ documents, validation, tokenizer, root }) {
  const folder = join(root, ".gitune", "pretrain");
  const lines = [];
  const write = (name, rows) => {
    const file = join(folder, name);
    writeJsonl(file, rows);
    const tokens = rows.map((row) => tokenizer.count(row.text) + 1);
    const total = tokens.reduce((sum, count) => sum + count, 0);
    const longest = tokens.reduce((most, count) => Math.max(most, count), 0);
    if (longest > ROW_TOKENS) throw new Error(`${name}: a row has ${longest} tokens, more than ${ROW_TOKENS}`);
    const filled = ((100 * total) / (rows.length * ROW_TOKENS)).toFixed(1);
    lines.push(
      `${name}: ${rows.length} rows, ${statSync(file).size} bytes, ${total} tokens (${filled}% of ${ROW_TOKENS} a row)`,
    );
  };
  const limit = ROW_TOKENS - 1;
  write("corpus.jsonl", packRows(documents, limit, tokenizer.count));
  write("validation.jsonl", packRows(validation, limit, tokenizer.count).slice(0, VALIDATION_ROWS));
  return lines;
}
