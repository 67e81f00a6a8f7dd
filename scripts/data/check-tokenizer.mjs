/**
 * Compares @huggingface/tokenizers, which gitune uses, with the reference implementation on real texts:
 * `node scripts/data/check-tokenizer.mjs`, after a build. Exit code 1 on any difference.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJsonl } from "./jsonl.mjs";
import { shuffled } from "./shingles.mjs";
import { fullText } from "./split.mjs";
import { preparePython, readTokenizer } from "./tokenizer.mjs";

const TEXTS = 2000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const work = join(root, ".gitune", "data");
const model = join(root, "models", "gitune-tiny");

// Evaluation packages were no part of the tokenizer's training; packed rows hold its special tokens.
const plain = readJsonl(join(work, "eval.jsonl")).map((row) => ({ text: fullText(row) }));
const packed = readJsonl(join(root, ".gitune", "pretrain", "corpus.jsonl"));
const texts = [...plain, ...shuffled(packed, "check", (row) => row.text).slice(0, TEXTS)];
const chosen = shuffled(texts, "check", (row) => row.text).slice(0, TEXTS);

const reference = execFileSync(
  preparePython(join(work, "venv")),
  [join(root, "scripts", "data", "encode.py"), join(model, "tokenizer.json")],
  { input: chosen.map((row) => `${JSON.stringify(row)}\n`).join(""), encoding: "utf8", maxBuffer: 2 ** 28 },
);
const expected = reference
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const tokenizer = readTokenizer(model);
let wrong = 0;
let tokens = 0;
for (const [i, { text }] of chosen.entries()) {
  const ids = tokenizer.encode(text);
  tokens += ids.length;
  const same = ids.join() === expected[i].ids.join() && expected[i].text === text && tokenizer.decode(ids) === text;
  if (same) continue;
  wrong += 1;
  if (wrong <= 3) console.error(`differs: ${JSON.stringify(text).slice(0, 200)}`);
}
console.log(
  `${chosen.length} texts, ${tokens} tokens: ${wrong} differ from the reference or do not decode to themselves`,
);
process.exitCode = wrong === 0 && expected.length === chosen.length ? 0 : 1;
