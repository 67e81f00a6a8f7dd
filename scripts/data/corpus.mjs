/** Writes the pretraining text (not committed): .gitune/pretrain/{corpus,validation}.jsonl, a document a row. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { writeJsonl } from "./jsonl.mjs";

/** About 50,000 tokens: enough to rank runs, little beside an epoch. */
const VALIDATION_DOCUMENTS = 600;

/**
 * Rows carry no end-of-text token: training appends it.
 * @returns {string[]} what was written, for people
 */
export function writeCorpus({ documents, validation, tokenizer, root }) {
  const folder = join(root, ".gitune", "pretrain");
  const write = (name, rows) => {
    const file = join(folder, name);
    writeJsonl(
      file,
      rows.map(({ text }) => ({ text })),
    );
    const tokens = rows.reduce((sum, { text }) => sum + tokenizer.count(text) + 1, 0);
    const chats = rows.filter((row) => row.chat).length;
    return `${name}: ${rows.length} documents (${chats} conversations), ${statSync(file).size} bytes, ${tokens} tokens`;
  };
  return [write("corpus.jsonl", documents), write("validation.jsonl", validation.slice(0, VALIDATION_DOCUMENTS))];
}
