/** Trains the tokenizer of models/gitune-tiny and reads it back. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "@huggingface/tokenizers";
import { writeJsonl, writeText } from "./jsonl.mjs";

export const VOCABULARY = 4096;
/** Ids 0 to 3, in this order. */
export const SPECIAL_TOKENS = ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"];
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** @returns {string} the Python of a virtual environment with the pinned `tokenizers`, made on first use */
export function preparePython(folder) {
  const python = join(folder, "bin", "python");
  if (!existsSync(python)) execFileSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
  const wanted = readFileSync(join(HERE, "requirements.txt"), "utf8").trim();
  let found = "";
  try {
    found = execFileSync(python, ["-c", "import tokenizers; print(f'tokenizers=={tokenizers.__version__}')"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {} // not installed yet
  if (found !== wanted) {
    // Training needs none of the package's dependencies (they are for downloads from the Hub).
    execFileSync(python, ["-m", "pip", "install", "--quiet", "--no-deps", "-r", join(HERE, "requirements.txt")], {
      stdio: "inherit",
    });
  }
  return python;
}

/**
 * @param {readonly string[]} texts
 * @param {{ work: string, model: string, python: string }} folders scratch folder, the model's folder, and the Python to use
 */
export function trainTokenizer(texts, { work, model, python }) {
  const source = join(work, "tokenizer-texts.jsonl");
  const made = join(work, "tokenizer.json");
  writeJsonl(
    source,
    texts.map((text) => ({ text })),
  );
  // One thread: the order in which equal pairs are counted must not depend on scheduling.
  const env = { ...process.env, TOKENIZERS_PARALLELISM: "false", RAYON_NUM_THREADS: "1" };
  execFileSync(python, [join(HERE, "train_tokenizer.py"), source, String(VOCABULARY), made, ...SPECIAL_TOKENS], {
    stdio: "inherit",
    env,
  });
  writeText(join(model, "tokenizer.json"), `${readFileSync(made, "utf8").trimEnd()}\n`);
}

/** @returns {{ count(text: string): number, encode(text: string): number[], decode(ids: number[]): string }} */
export function readTokenizer(model) {
  const read = (name) => JSON.parse(readFileSync(join(model, name), "utf8"));
  const tokenizer = new Tokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return {
    encode,
    count: (text) => encode(text).length,
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: false }),
  };
}
