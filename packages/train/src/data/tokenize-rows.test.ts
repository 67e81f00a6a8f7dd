import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError, type Row, type RowContent } from "@gitune/core";
import fc from "fast-check";
import { type BaseTokenizer, loadTokenizer } from "../tokenizer/tokenizer.js";
import { encodeRow } from "./encode-row.js";
import { encodeRows } from "./encoded-rows.js";
import { TokenCache } from "./token-cache.js";
import { tokenizeRows } from "./tokenize-rows.js";

const fixture = fileURLToPath(new URL("../../test/fixtures/tiny-chat", import.meta.url));
const options = { maxLength: 64, overflow: "truncate" } as const;

const row = (content: RowContent, line: number): Row => ({
  key: `k${line}`,
  hash: "",
  value: {},
  content,
  file: "x.jsonl",
  line,
});

const anyText = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
const anyContent: fc.Arbitrary<RowContent> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text: anyText }),
  fc.record({ kind: fc.constant("completion" as const), prompt: anyText, completion: anyText }),
  fc.array(anyText, { minLength: 1, maxLength: 3 }).map((turns) => ({
    kind: "messages" as const,
    messages: turns.flatMap((text) => [
      { role: "user" as const, content: text },
      { role: "assistant" as const, content: `${text}!` },
    ]),
  })),
);
const anyRows = fc.array(anyContent, { minLength: 1, maxLength: 30 }).map((contents) => contents.map(row));

describe("tokenizing rows", () => {
  let tokenizer: BaseTokenizer;
  let folder = "";
  before(async () => {
    tokenizer = await loadTokenizer(fixture);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gitune-ids-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const files = async (): Promise<string[]> => {
    const found = await readdir(folder, { recursive: true });
    return found.filter((name) => name.endsWith(".ids")).map((name) => join(folder, name));
  };

  it("puts every token of every row in once, and labels the token that they stand for (property)", async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async (rows) => {
        const encoded = await encodeRows(rows, tokenizer, { ...options, maxLength: 10_000 });
        assert.equal(encoded.length, rows.length);
        for (const [index, { content }] of rows.entries()) {
          const { ids, labelMask } = encoded.row(index);
          const text = tokenizer.decode([...ids], { skipSpecialTokens: false });
          const labels = tokenizer.decode(
            [...ids].filter((_, at) => labelMask[at] === 1),
            { skipSpecialTokens: false },
          );
          assert.equal(labelMask[0], 0);
          if (content.kind === "messages") {
            assert.equal(text, tokenizer.renderChat(content.messages));
            // As the template writes them: it trims a turn's text.
            const answers = [...text.matchAll(/<\|im_start\|>assistant\n(.*?<\|im_end\|>)/gs)].map(([, turn]) => turn);
            assert.equal(answers.length * 2, content.messages.length);
            assert.equal(labels, answers.join(""));
          } else if (content.kind === "completion") {
            assert.equal(text, `${content.prompt}${content.completion}<|im_end|>`);
            assert.equal(labels, `${content.completion}<|im_end|>`);
          } else if (content.kind === "text") {
            assert.equal(text, `${content.text}<|im_end|>`);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("gives the same with and without a cache, new or filled, and as one row alone (property)", async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async (any) => {
        // Forty letters of four tokens each may be a prompt that leaves no room for its answer: such a row is refused.
        const rows = any.filter((one) => encodeRow(one, tokenizer, options).kind === "encoded");
        fc.pre(rows.length > 0);
        const plain = await encodeRows(rows, tokenizer, options);
        for (let time = 0; time < 2; time++) {
          const cached = await encodeRows(rows, tokenizer, options, { cacheDir: folder });
          assert.equal(cached.sha256, plain.sha256);
          assert.deepEqual(cached.stats, plain.stats);
        }
        for (const [index, one] of rows.entries()) {
          const alone = encodeRow(one, tokenizer, options);
          assert.ok(alone.kind === "encoded");
          assert.deepEqual(plain.row(index), { ids: alone.ids, labelMask: alone.labelMask });
        }
      }),
      { numRuns: 15 },
    );
  });

  it("gives the same in one thread, two and four, in the order of the rows", async () => {
    // Enough for several batches, each of them for another thread.
    const rows = Array.from({ length: 400 }, (_, line) =>
      row({ kind: "completion", prompt: `row ${line} `, completion: `word${line % 7} `.repeat(300) }, line + 1),
    );
    const refused = row({ kind: "messages", messages: [{ role: "user", content: "a" }] }, 0);
    const results = [];
    for (const threads of [1, 2, 4]) {
      const found = [];
      const how = { threads, charsBeforeThreads: 1 };
      for await (const { row: one, tokenized } of tokenizeRows([refused, ...rows], tokenizer, how))
        found.push({ line: one.line, tokenized });
      results.push(found);
    }
    assert.deepEqual(
      results[0]!.map(({ line }) => line),
      [0, ...rows.map(({ line }) => line)],
    );
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });

  it("says from a thread what is wrong with the base", async () => {
    const bare = { ...tokenizer.files, template: null, config: { eos_token: "<|im_end|>" } };
    const rows = [row({ kind: "messages", messages: [{ role: "user", content: "a" }] }, 1)];
    const threaded = tokenizeRows(rows, { ...tokenizer, files: bare }, { threads: 2, charsBeforeThreads: 0 });
    await assert.rejects(threaded.next(), (error: unknown) => {
      assert.ok(error instanceof GituneError);
      assert.equal(error.issues[0]?.code, "template.missing");
      return true;
    });
  });

  it("keeps ids by content and tokenizer, and tokenizes what is damaged again", async () => {
    const rows = ["a b", "c d e", "f"].map((text, line) => row({ kind: "text", text }, line));
    const plain = await encodeRows(rows, tokenizer, options);
    const sha = async (one = tokenizer) => (await encodeRows(rows, one, options, { cacheDir: folder })).sha256;
    assert.equal(await sha(), plain.sha256);
    const [path] = await files();
    assert.equal(await sha(), plain.sha256);
    assert.deepEqual(await files(), [path]);

    // Ids that were kept are used: with a tokenizer that cannot encode, nothing else could give them.
    const broken = { ...tokenizer, encode: () => assert.fail("tokenized again") };
    assert.equal(await sha(broken), plain.sha256);
    // Another template is another tokenizer.
    await assert.rejects(sha({ ...broken, files: { ...tokenizer.files, template: "other" } }), /tokenized again/);

    for (const damage of [
      () => truncate(path!, 60),
      async () => {
        const bytes = await readFile(path!);
        bytes[bytes.length - 8]! ^= 1;
        await writeFile(path!, bytes);
      },
      () => writeFile(path!, ""),
    ]) {
      const whole = await readFile(path!);
      await damage();
      assert.equal(await sha(), plain.sha256);
      assert.equal((await files()).includes(path!), false);
      for (const other of await files()) await rm(other);
      await writeFile(path!, whole);
    }
  });

  it("keeps few files and a bounded number of bytes, the newest", async () => {
    const one = (text: string) => ({
      ids: Int32Array.from({ length: 100 }, (_, i) => text.length + i),
      labelMask: new Uint8Array(100),
    });
    const keep = async (text: string, maxBytes?: number) => {
      const cache = await TokenCache.open(folder, tokenizer.files, maxBytes);
      cache.put(cache.keyOf(text), one(text));
      await cache.save();
    };
    const isKept = async (text: string) => {
      const cache = await TokenCache.open(folder, tokenizer.files);
      const found = cache.get(cache.keyOf(text));
      if (found) assert.deepEqual(found, one(text));
      return found !== null;
    };
    for (let count = 0; count < 20; count++) await keep("x".repeat(count));
    assert.ok((await files()).length <= 17);
    for (let count = 0; count < 20; count++) assert.ok(await isKept("x".repeat(count)));

    const all = await files();
    for (const path of all) await utimes(path, 1, 1);
    const sizeOf = async () => {
      const sizes = await Promise.all((await files()).map(async (path) => (await stat(path)).size));
      return { total: sizes.reduce((sum, size) => sum + size, 0), largest: Math.max(...sizes) };
    };
    const { largest } = await sizeOf();
    await keep("new", largest);
    assert.ok(await isKept("new"));
    assert.ok((await sizeOf()).total <= largest);
    await keep("larger than all that may be kept", 50);
    assert.equal(await isKept("larger than all that may be kept"), false);
  });
});
