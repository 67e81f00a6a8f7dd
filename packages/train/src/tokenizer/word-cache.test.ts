import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { type TokenizerParts, wordEncoder } from "./word-cache.js";

const folder = fileURLToPath(new URL("../../test/fixtures/tiny-chat", import.meta.url));
const definition = JSON.parse(await readFile(`${folder}/tokenizer.json`, "utf8")) as Record<string, unknown>;

type Library = TokenizerParts & { encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] } };
const library = (changes: Record<string, unknown>): Library =>
  new Tokenizer({ ...definition, ...changes } as never, {} as never) as unknown as Library;

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const sequence = (...pretokenizers: object[]) => ({ pre_tokenizer: { type: "Sequence", pretokenizers } });
const llama3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const KINDS: Readonly<Record<string, Record<string, unknown>>> = {
  "as the fixture has it": {},
  "GPT-2: the byte level alone": { pre_tokenizer: byteLevel },
  "a space before the text": { pre_tokenizer: { ...byteLevel, add_prefix_space: true } },
  "SmolLM2: digits apart": sequence({ type: "Digits", individual_digits: true }, byteLevel),
  "Llama 3: a pattern, then the byte level": sequence(
    { type: "Split", pattern: { Regex: llama3 }, behavior: "Isolated", invert: false },
    { ...byteLevel, use_regex: false },
  ),
  "a normalizer": { normalizer: { type: "NFC" } },
};

/** Words that repeat, special tokens, digits, spaces of all kinds, and whatever Unicode has. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "the",
        " the",
        "The",
        "  ",
        "\n\n",
        "\r\n",
        "'ll",
        "2024",
        " 7",
        "<|im_start|>",
        "<|im_end|>",
        "e\u0301",
      ),
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

describe("words and their ids", () => {
  for (const [name, changes] of Object.entries(KINDS)) {
    it(`are the library's own: ${name} (property)`, () => {
      const parts = library(changes);
      const encode = wordEncoder(parts);
      assert.ok(encode);
      fc.assert(
        fc.property(anyText, (text) => {
          assert.deepEqual(encode(text), parts.encode(text, { add_special_tokens: false }).ids);
        }),
        { numRuns: 200 },
      );
    });
  }

  it("stay right when there are more words than are remembered", () => {
    const parts = library({});
    const encode = wordEncoder(parts);
    const words = Array.from({ length: 150_000 }, (_, index) => ` w${index.toString(36)}`);
    for (const word of words) encode?.(word);
    for (const word of [words[0]!, words[70_000]!, words.at(-1)!]) {
      assert.deepEqual(encode?.(word), parts.encode(word, { add_special_tokens: false }).ids);
    }
  });

  it("are left to the library where words are not all there is to it", () => {
    assert.equal(wordEncoder(library({ pre_tokenizer: null })), null);
    assert.equal(wordEncoder(library({ pre_tokenizer: { type: "Metaspace", replacement: "▁" } })), null);
    const greedy = { id: 5, content: "<x>", single_word: false, lstrip: true, rstrip: false, normalized: false };
    assert.equal(wordEncoder(library({ added_tokens: [greedy] })), null);
  });
});
