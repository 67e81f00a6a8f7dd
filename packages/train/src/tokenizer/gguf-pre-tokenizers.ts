/**
 * How byte-level vocabularies cut a text into words before they merge. A GGUF file has only a name for it
 * (`tokenizer.ggml.pre`): these are the definitions that the models' own `tokenizer.json` has. A name that is not here is an
 * error, since a wrong cut gives other ids and no other sign.
 */

/** What a name stands for. */
export interface GgufPreTokenizer {
  /** Patterns, one after the other, as Hugging Face's `Split` takes them: each match is a word, and so is what lies between. */
  readonly splits: readonly string[];
  /** `normalizer` of `tokenizer.json`. */
  readonly normalizer: null | "NFC";
  /** Whether a word that is in the vocabulary is taken whole, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Whether BOS stands before raw text where the file does not say. */
  readonly addsBos: boolean;
}

const GPT2_SPLIT = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LLAMA3_SPLIT = String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const QWEN2_SPLIT = LLAMA3_SPLIT.replace("{1,3}", "");

const UPPER = String.raw`\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}`;
const LOWER = String.raw`\p{Ll}\p{Lm}\p{Lo}\p{M}`;
const TEKKEN_SPLIT = String.raw`[^\r\n\p{L}\p{N}]?[${UPPER}]*[${LOWER}]+|[^\r\n\p{L}\p{N}]?[${UPPER}]+[${LOWER}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const gpt2: GgufPreTokenizer = { splits: [GPT2_SPLIT], normalizer: null, ignoreMerges: false, addsBos: false };
const llama3: GgufPreTokenizer = { splits: [LLAMA3_SPLIT], normalizer: null, ignoreMerges: true, addsBos: true };
const qwen2: GgufPreTokenizer = { splits: [QWEN2_SPLIT], normalizer: "NFC", ignoreMerges: false, addsBos: false };
/** Each digit is a word of its own. */
const smollm: GgufPreTokenizer = { ...gpt2, splits: [String.raw`\p{N}`, GPT2_SPLIT] };
const tekken: GgufPreTokenizer = { splits: [TEKKEN_SPLIT], normalizer: null, ignoreMerges: true, addsBos: true };

/** By `tokenizer.ggml.pre`. */
export const GGUF_PRE_TOKENIZERS: Readonly<Record<string, GgufPreTokenizer>> = {
  "gpt-2": gpt2,
  smollm,
  llama3,
  "llama-v3": llama3,
  "llama-bpe": llama3,
  qwen2,
  "deepseek-r1-qwen": qwen2,
  tekken,
};
