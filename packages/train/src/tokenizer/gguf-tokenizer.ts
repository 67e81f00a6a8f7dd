/**
 * The tokenizer that a GGUF file's metadata describes, in the shape of the files of a Hugging Face model folder.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#tokenizer
 */
import { ggufError } from "../weights/gguf/gguf-error.js";
import type { GgufFile } from "../weights/gguf/gguf-file.js";
import { flagOf, numberOf, numbersOf, textOf, textsOf } from "../weights/gguf/metadata.js";
import { GGUF_PRE_TOKENIZERS, type GgufPreTokenizer } from "./gguf-pre-tokenizers.js";
import { sentencePieceMerges } from "./sentencepiece-merges.js";
import type { TokenizerFiles } from "./tokenizer.js";

const KEY = "tokenizer.ggml";

/** `tokenizer.ggml.token_type` (`llama_token_type`). */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** What both kinds of vocabulary have. */
interface Vocabulary {
  readonly tokens: readonly string[];
  /** One a token. */
  readonly types: ArrayLike<number>;
  readonly bosId: number | undefined;
}

/** Ids that end a generation: of a text, of a turn, of a message. */
const END_IDS = ["eos_token_id", "eot_token_id", "eom_token_id"];

/** `tokenizer_config.json`'s names by GGUF's. */
const SPECIAL_TOKENS: Readonly<Record<string, string>> = {
  bos_token_id: "bos_token",
  eos_token_id: "eos_token",
  unknown_token_id: "unk_token",
  padding_token_id: "pad_token",
};

/**
 * @throws {GituneError} (exit code 2) `tokenizer.missing` for a file without one; `tokenizer.invalid` for lists that do not
 *   fit together, ids that are none, and a way to cut words that is not known
 */
export function ggufTokenizerFiles(gguf: GgufFile): TokenizerFiles {
  const kind = textOf(gguf, `${KEY}.model`);
  const tokens = textsOf(gguf, `${KEY}.tokens`);
  if (kind === undefined || !tokens) {
    throw ggufError(gguf.shown, "the file has no tokenizer", {
      code: "tokenizer.missing",
      fix: "convert the model again with a current llama.cpp; it writes the tokenizer into the file",
    });
  }
  const build = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!build) throw invalid(gguf, "model", "the tokenizer is of a kind that is not read", Object.keys(KINDS), kind);
  const types = numbersOf(gguf, `${KEY}.token_type`) ?? new Uint8Array(tokens.length).fill(NORMAL);
  requireLength(gguf, "token_type", types.length, tokens.length);
  const idOf = (name: string) => tokenId(gguf, name, tokens.length);
  const vocabulary: Vocabulary = { tokens, types, bosId: idOf("bos_token_id") };
  return {
    place: gguf.shown,
    definition: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      ...build(gguf, vocabulary),
    },
    config: {
      ...specialTokens(tokens, idOf),
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      ...chatTemplate(gguf),
    },
    generation: { eos_token_id: END_IDS.flatMap((name) => idOf(name) ?? []) },
    model: {},
    template: null,
  };
}

type Build = (gguf: GgufFile, vocabulary: Vocabulary) => Record<string, unknown>;

/** Byte-level BPE: tokens are spelled in GPT-2's alphabet of bytes. */
const byteLevel: Build = (gguf, { tokens, bosId }) => {
  const { splits, normalizer, ignoreMerges, addsBos } = preTokenizer(gguf);
  const merges = textsOf(gguf, `${KEY}.merges`);
  if (!merges) throw invalid(gguf, "merges", "the tokenizer has no merges", ["a list of merges"], "nothing");
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
  return {
    normalizer: normalizer === null ? null : { type: normalizer },
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits.map(split), bytes] },
    post_processor: postProcessor(gguf, tokens, bosId, addsBos),
    decoder: bytes,
    model: {
      ...BPE,
      ignore_merges: ignoreMerges,
      vocab: vocabularyOf(tokens),
      merges: merges.map((merge) => pairOf(gguf, merge)),
    },
  };
};

/** SentencePiece BPE: tokens are text with ▁ for a blank, and bytes for what no token spells. */
const sentencePiece: Build = (gguf, { tokens, types, bosId }) => {
  const scores = numbersOf(gguf, `${KEY}.scores`);
  if (!scores) throw invalid(gguf, "scores", "the tokenizer has no scores", ["a score for each token"], "nothing");
  requireLength(gguf, "scores", scores.length, tokens.length);
  const startsWithBlank = flagOf(gguf, `${KEY}.add_space_prefix`) ?? true;
  const blanks = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const unknown = tokens.find((_, id) => types[id] === UNKNOWN);
  if (unknown === undefined) {
    throw invalid(
      gguf,
      "token_type",
      "the tokenizer has no token for what is unknown",
      [`one of type ${UNKNOWN}`],
      "none",
    );
  }
  return {
    normalizer: {
      type: "Sequence",
      normalizers: startsWithBlank ? [{ type: "Prepend", prepend: "▁" }, blanks] : [blanks],
    },
    pre_tokenizer: null,
    post_processor: postProcessor(gguf, tokens, bosId, true),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(startsWithBlank ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...BPE,
      unk_token: unknown,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabularyOf(tokens),
      merges: sentencePieceMerges(tokens, scores, (id) => types[id] === NORMAL),
    },
  };
};

/** By `tokenizer.ggml.model`. */
const KINDS: Readonly<Record<string, Build>> = { gpt2: byteLevel, llama: sentencePiece };

const BPE = {
  type: "BPE",
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
};

function preTokenizer(gguf: GgufFile): GgufPreTokenizer {
  const name = textOf(gguf, `${KEY}.pre`);
  const known = name !== undefined && Object.hasOwn(GGUF_PRE_TOKENIZERS, name) ? GGUF_PRE_TOKENIZERS[name] : undefined;
  if (known) return known;
  // llama.cpp guesses here ("default"), and warns that the quality will be degraded.
  throw invalid(
    gguf,
    "pre",
    "how the tokenizer cuts words is not known",
    Object.keys(GGUF_PRE_TOKENIZERS),
    name ?? "nothing",
  );
}

/** Whatever a text spells out as one of these becomes its id. */
function addedTokens({ tokens, types }: Vocabulary): Record<string, unknown>[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (content === "" || (type !== CONTROL && type !== USER_DEFINED && type !== UNKNOWN)) return [];
    return [{ id, content, ...flags, special: type !== USER_DEFINED }];
  });
}

/** A token that is there twice keeps its first id. */
function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (!ids.has(token)) ids.set(token, id);
  return Object.fromEntries(ids);
}

/** Puts BOS before raw text, where the file or its kind says so; nothing else. */
function postProcessor(gguf: GgufFile, tokens: readonly string[], bosId: number | undefined, isDefault: boolean) {
  const addsBos = flagOf(gguf, `${KEY}.add_bos_token`) ?? isDefault;
  if (!addsBos || bosId === undefined) return null;
  const bos = tokens[bosId]!;
  const single = [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  const pair = [...single, { SpecialToken: { id: bos, type_id: 1 } }, { Sequence: { id: "B", type_id: 1 } }];
  return {
    type: "TemplateProcessing",
    single,
    pair,
    special_tokens: { [bos]: { id: bos, ids: [bosId], tokens: [bos] } },
  };
}

function pairOf(gguf: GgufFile, merge: string): [string, string] {
  // No token of the byte alphabet has a blank in it.
  const at = merge.indexOf(" ");
  if (at < 1 || at === merge.length - 1)
    throw invalid(gguf, "merges", "a merge is none", ["two tokens with a blank between"], merge);
  return [merge.slice(0, at), merge.slice(at + 1)];
}

function specialTokens(tokens: readonly string[], idOf: (name: string) => number | undefined): Record<string, string> {
  const specials: Record<string, string> = {};
  for (const [key, name] of Object.entries(SPECIAL_TOKENS)) {
    const id = idOf(key);
    if (id !== undefined) specials[name] = tokens[id]!;
  }
  return specials;
}

function chatTemplate(gguf: GgufFile): { chat_template?: string } {
  const template = textOf(gguf, "tokenizer.chat_template");
  return template === undefined ? {} : { chat_template: template };
}

function tokenId(gguf: GgufFile, name: string, count: number): number | undefined {
  const id = numberOf(gguf, `${KEY}.${name}`);
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < count)) return id;
  throw invalid(gguf, name, `${name} is no token`, [`a number below ${count}`], String(id));
}

function requireLength(gguf: GgufFile, name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw invalid(gguf, name, `${name} does not fit the tokens`, [`${expected} items`], `${found} items`);
}

function invalid(gguf: GgufFile, key: string, what: string, expected: readonly string[], found: string) {
  return ggufError(gguf.shown, what, {
    code: "tokenizer.invalid",
    at: `${KEY}.${key}`,
    expected: expected.join(", "),
    found,
  });
}
