import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError, type IssueCode } from "@gitune/core";
import type { GgufFile, GgufValue } from "../weights/gguf/gguf-file.js";
import { ggufTokenizerFiles } from "./gguf-tokenizer.js";
import { sentencePieceMerges } from "./sentencepiece-merges.js";
import { createTokenizer } from "./tokenizer.js";

interface Vocabulary {
  readonly model: string;
  readonly pre?: string;
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly merges?: readonly string[];
  readonly scores?: readonly number[];
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
}

const golden = fileURLToPath(new URL("../../test/golden/gguf/tokenizers.json", import.meta.url));

function fileOf(vocabulary: Vocabulary, more: Readonly<Record<string, GgufValue>> = {}): GgufFile {
  const { model, pre, tokens, types, merges, scores } = vocabulary;
  const keys: Record<string, GgufValue | undefined> = {
    "tokenizer.ggml.model": model,
    "tokenizer.ggml.pre": pre,
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": Int32Array.from(types),
    "tokenizer.ggml.merges": merges,
    "tokenizer.ggml.scores": scores && Float32Array.from(scores),
    "tokenizer.ggml.eos_token_id": 2,
    ...more,
  };
  const metadata = new Map(Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  return { path: "m.gguf", shown: "m.gguf", version: 3, metadata, tensors: new Map() };
}

describe("tokenizers of GGUF files", async () => {
  const vocabularies = JSON.parse(await readFile(golden, "utf8")) as Vocabulary[];
  const byPre = (pre: string | undefined) => vocabularies.find((vocabulary) => vocabulary.pre === pre)!;

  for (const vocabulary of vocabularies) {
    it(`${vocabulary.pre ?? "SentencePiece"}: the ids of the models' own definition`, async () => {
      const tokenizer = await createTokenizer(ggufTokenizerFiles(fileOf(vocabulary)));
      for (const { text, ids, decoded } of vocabulary.cases) {
        assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
        // The library's decoder of bytes takes U+FEFF for a byte order mark, and drops it.
        const isDropped = vocabulary.model === "llama" && text.includes("\uFEFF");
        assert.equal(tokenizer.decode(ids), isDropped ? decoded.replace("\uFEFF", "") : decoded, JSON.stringify(text));
      }
    });
  }

  it("puts BOS before raw text as the file says, else as its kind does", async () => {
    const bos = { "tokenizer.ggml.bos_token_id": 1 };
    const prefix = async (pre: string | undefined, more: Readonly<Record<string, GgufValue>>) =>
      (await createTokenizer(ggufTokenizerFiles(fileOf(byPre(pre), { ...bos, ...more })))).prefixIds;
    assert.deepEqual(await prefix("gpt-2", {}), []);
    assert.deepEqual(await prefix("gpt-2", { "tokenizer.ggml.add_bos_token": true }), [1]);
    assert.deepEqual(await prefix("llama-bpe", {}), [1]);
    assert.deepEqual(await prefix("llama-bpe", { "tokenizer.ggml.add_bos_token": false }), []);
    assert.deepEqual(await prefix(undefined, {}), [1]);
  });

  it("takes special tokens, ends and the template from the metadata", async () => {
    const file = fileOf(byPre("smollm"), {
      "tokenizer.ggml.eot_token_id": 0,
      "tokenizer.ggml.padding_token_id": 1,
      "tokenizer.chat_template": "{{ eos_token }}{% for m in messages %}{{ m.content }}{% endfor %}",
    });
    const tokenizer = await createTokenizer(ggufTokenizerFiles(file));
    assert.equal(tokenizer.eosId, 2);
    assert.deepEqual(tokenizer.eosIds, [0, 2]);
    assert.equal(tokenizer.padId, 1);
    assert.equal(tokenizer.renderChat([{ role: "user", content: "hi" }]), "<|im_end|>hi");
    assert.equal(tokenizer.decode([1, ...tokenizer.encode("the"), 2]), "the");
  });

  it("shows a user-defined token in decoded text, and never cuts it", async () => {
    const smollm = byPre("smollm");
    const tokens = [...smollm.tokens, "<think>"];
    const withThink = { ...smollm, tokens, types: [...smollm.types, 4] };
    const tokenizer = await createTokenizer(ggufTokenizerFiles(fileOf(withThink)));
    assert.deepEqual(tokenizer.encode("<think>"), [tokens.length - 1]);
    assert.equal(tokenizer.decode([tokens.length - 1]), "<think>");
  });

  const broken: readonly [string, Readonly<Record<string, GgufValue | undefined>>, IssueCode, RegExp][] = [
    ["no tokens", { "tokenizer.ggml.tokens": undefined }, "tokenizer.missing", /no tokenizer/],
    ["an unknown kind", { "tokenizer.ggml.model": "bert" }, "tokenizer.invalid", /a kind that is not read/],
    ["an unknown way to cut words", { "tokenizer.ggml.pre": "novel" }, "tokenizer.invalid", /not known/],
    ["llama.cpp's guess", { "tokenizer.ggml.pre": "default" }, "tokenizer.invalid", /not known/],
    ["no way to cut words", { "tokenizer.ggml.pre": undefined }, "tokenizer.invalid", /not known/],
    ["a name of every object", { "tokenizer.ggml.pre": "constructor" }, "tokenizer.invalid", /not known/],
    ["no merges", { "tokenizer.ggml.merges": undefined }, "tokenizer.invalid", /no merges/],
    ["a merge of one token", { "tokenizer.ggml.merges": ["ab"] }, "tokenizer.invalid", /a merge is none/],
    ["types that do not fit", { "tokenizer.ggml.token_type": Int32Array.of(1) }, "tokenizer.invalid", /token_type/],
    ["an id past the end", { "tokenizer.ggml.eos_token_id": 1e6 }, "tokenizer.invalid", /eos_token_id/],
    ["no end", { "tokenizer.ggml.eos_token_id": undefined }, "tokenizer.no-eos", /end-of-sequence/],
    ["tokens that are numbers", { "tokenizer.ggml.tokens": Int32Array.of(1) }, "weights.gguf", /another type/],
  ];
  for (const [name, changes, code, message] of broken) {
    it(`refuses ${name}`, async () => {
      const { metadata, ...rest } = fileOf(byPre("smollm"));
      const changed = new Map(metadata);
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) changed.delete(key);
        else changed.set(key, value);
      }
      const open = async () => createTokenizer(ggufTokenizerFiles({ ...rest, metadata: changed }));
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof GituneError, String(error));
        assert.equal(error.issues[0]?.code, code);
        assert.equal(error.exitCode, 2);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("refuses a SentencePiece vocabulary without scores, or without a token for what is unknown", () => {
    const vocabulary = byPre(undefined);
    const { scores: _, ...unscored } = vocabulary;
    assert.throws(() => ggufTokenizerFiles(fileOf(unscored)), /no scores/);
    const types = vocabulary.types.map((type) => (type === 2 ? 3 : type));
    assert.throws(() => ggufTokenizerFiles(fileOf({ ...vocabulary, types })), /unknown/);
  });

  it("orders merges by score, then by the longer left part", () => {
    const tokens = ["a", "b", "ab", "abb", "bb", "<a"];
    const scores = [0, 0, -1, -3, -2, 0];
    assert.deepEqual(
      sentencePieceMerges(tokens, scores, (id) => id < 5),
      [
        ["a", "b"],
        ["b", "b"],
        ["ab", "b"],
        ["a", "bb"],
      ],
    );
  });
});
