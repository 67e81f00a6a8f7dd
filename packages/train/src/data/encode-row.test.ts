import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError, type Row, type RowContent } from "@gitune/core";
import { parseChatTemplate } from "../tokenizer/chat-template.js";
import { type BaseTokenizer, loadTokenizer } from "../tokenizer/tokenizer.js";
import { countContentTokens } from "./count-tokens.js";
import { type EncodeOptions, type EncodeOutcome, encodeRow } from "./encode-row.js";
import { encodeRows } from "./encoded-rows.js";
import { markPieces, previewRow } from "./preview-row.js";

const fixture = fileURLToPath(new URL("../../test/fixtures/tiny-chat", import.meta.url));
const options: EncodeOptions = { maxLength: 200, overflow: "error" };

function row(content: RowContent, line = 1): Row {
  return { key: `k${line}`, hash: "", value: {}, content, file: "datasets/x/train.jsonl", line };
}
const messages = (...turns: [role: "system" | "user" | "assistant", content: string][]): RowContent => ({
  kind: "messages",
  messages: turns.map(([role, content]) => ({ role, content })),
});

/** The supervised tokens as text. */
function labels(tokenizer: BaseTokenizer, outcome: EncodeOutcome): string {
  assert.equal(outcome.kind, "encoded", JSON.stringify(outcome));
  if (outcome.kind !== "encoded") return "";
  const ids = [...outcome.ids].filter((_, index) => outcome.labelMask[index] === 1);
  return tokenizer.decode(ids, { skipSpecialTokens: false });
}

function issueOf(outcome: EncodeOutcome): { code: string; message: string; file?: string; line?: number } {
  assert.equal(outcome.kind, "issue");
  if (outcome.kind !== "issue") throw new Error("no issue");
  return outcome.issue;
}

describe("encodeRow", () => {
  let tokenizer: BaseTokenizer;
  before(async () => {
    tokenizer = await loadTokenizer(fixture);
  });
  /** The same base with another chat template. */
  const withTemplate = (source: string): BaseTokenizer => {
    const template = parseChatTemplate(source, { eos_token: "<|im_end|>" }, "t.jinja");
    return { ...tokenizer, renderChat: template.render };
  };

  it("supervises every assistant turn with its end token, and nothing else", () => {
    const content = messages(
      ["system", "Be kind."],
      ["user", "a"],
      ["assistant", "b c"],
      ["user", "d"],
      ["assistant", "e"],
    );
    const outcome = encodeRow(row(content), tokenizer, options);
    assert.equal(labels(tokenizer, outcome), "b c<|im_end|>e<|im_end|>");
    assert.equal(
      markPieces(previewRow(row(content), tokenizer, options).pieces),
      "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n⟦b c<|im_end|>⟧\n" +
        "<|im_start|>user\nd<|im_end|>\n<|im_start|>assistant\n⟦e<|im_end|>⟧\n",
    );
    assert.ok(outcome.kind === "encoded");
    assert.deepEqual(
      [...outcome.ids],
      tokenizer.encode(tokenizer.renderChat(content.kind === "messages" ? content.messages : [])),
    );
  });

  it("starts the labels exactly where generation starts", () => {
    const content = messages(["user", "Where?"], ["assistant", "Here."]);
    const outcome = encodeRow(row(content), tokenizer, options);
    const prompt = tokenizer.encode(
      tokenizer.renderChat([{ role: "user", content: "Where?" }], { addGenerationPrompt: true }),
    );
    assert.ok(outcome.kind === "encoded");
    assert.equal(outcome.labelMask.indexOf(1), prompt.length);
    assert.deepEqual([...outcome.ids.subarray(0, prompt.length)], prompt);
  });

  it("joins prompt and completion as they are and ends with EOS, once", () => {
    const content: RowContent = { kind: "completion", prompt: "The sky is", completion: " blue." };
    const outcome = encodeRow(row(content), tokenizer, options);
    assert.equal(labels(tokenizer, outcome), " blue.<|im_end|>");
    const ended: RowContent = { kind: "completion", prompt: "", completion: "x<|endoftext|>" };
    assert.equal(labels(tokenizer, encodeRow(row(ended), tokenizer, options)), "<|endoftext|>");
    assert.equal(markPieces(previewRow(row(content), tokenizer, options).pieces), "The sky is⟦ blue.<|im_end|>⟧");
  });

  it("puts BOS before raw text and supervises all that follows", () => {
    const withBos = { ...tokenizer, prefixIds: [1] };
    const outcome = encodeRow(row({ kind: "text", text: "ab" }), withBos, options);
    assert.ok(outcome.kind === "encoded");
    assert.deepEqual([...outcome.ids], [1, ...tokenizer.encode("ab"), 2]);
    assert.equal(labels(withBos, outcome), "ab<|im_end|>");
    // Without one, nothing predicts the first token.
    assert.equal(labels(tokenizer, encodeRow(row({ kind: "text", text: "ab" }), tokenizer, options)), "b<|im_end|>");
  });

  it("reports a row that teaches nothing, with its place", () => {
    const issue = issueOf(encodeRow(row(messages(["user", "a"]), 7), tokenizer, options));
    assert.equal(issue.code, "row.no-supervised-tokens");
    assert.equal(issue.line, 7);
    assert.equal(issue.file, "datasets/x/train.jsonl");
  });

  it("reports, cuts or drops a row that is too long", () => {
    const content: RowContent = { kind: "completion", prompt: "zzzz", completion: "yyyyyy" };
    const long = row(content);
    const issue = issueOf(encodeRow(long, tokenizer, { maxLength: 8, overflow: "error" }));
    assert.equal(issue.code, "row.too-long");
    assert.match(issue.message, /11 tokens, max_length allows 8/);
    assert.deepEqual(encodeRow(long, tokenizer, { maxLength: 8, overflow: "drop" }), { kind: "dropped", tokens: 11 });
    const cut = encodeRow(long, tokenizer, { maxLength: 8, overflow: "truncate" });
    assert.ok(cut.kind === "encoded");
    assert.equal(cut.ids.length, 8);
    assert.equal(cut.cutTokens, 3);
    assert.equal(labels(tokenizer, cut), "yyyy");
    const empty = issueOf(encodeRow(long, tokenizer, { maxLength: 4, overflow: "truncate" }));
    assert.equal(empty.code, "row.no-supervised-tokens");
    assert.match(empty.message, /cut to 4 tokens/);
    assert.equal(encodeRow(long, tokenizer, { maxLength: 11, overflow: "error" }).kind, "encoded");
  });

  it("refuses a template whose past changes when a turn is added", () => {
    const source =
      "{{ messages | length }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}" +
      "{% if add_generation_prompt %}assistant:{% endif %}";
    const issue = issueOf(encodeRow(row(messages(["user", "a"], ["assistant", "b"])), withTemplate(source), options));
    assert.equal(issue.code, "template.prefix");
  });

  it("takes a template that rewrites a turn once others follow it (Qwen3)", () => {
    const source =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n" +
      "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}{{ eos_token }}\n{% endfor %}" +
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    const content = messages(["user", "a"], ["assistant", "b"], ["user", "c"], ["assistant", "d"]);
    const outcome = encodeRow(row(content), withTemplate(source), options);
    assert.equal(labels(tokenizer, outcome), "b<|im_end|><think></think>d<|im_end|>");
  });

  it("refuses a template that closes a turn without an end token", () => {
    const source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    const issue = issueOf(encodeRow(row(messages(["user", "a"], ["assistant", "b"])), withTemplate(source), options));
    assert.equal(issue.code, "template.no-eos");
  });

  it("says which row a template refuses", () => {
    const broken = withTemplate("{{ raise_exception('roles must alternate') }}");
    const issue = issueOf(encodeRow(row(messages(["assistant", "b"]), 3), broken, options));
    assert.equal(issue.code, "template.render");
    assert.equal(issue.line, 3);
    assert.match(issue.message, /roles must alternate/);
  });

  it("collects rows, counts what happened to them, and hashes them", async () => {
    const rows = [
      row({ kind: "completion", prompt: "zzzz", completion: "yyyyyy" }, 1),
      row({ kind: "completion", prompt: "z", completion: "y" }, 2),
      { ...row({ kind: "text", text: "zzz" }, 1), file: "datasets/x/b.jsonl" },
    ];
    const cut = await encodeRows(rows, tokenizer, { maxLength: 8, overflow: "truncate" });
    assert.deepEqual(cut.stats, {
      rows: 3,
      cut: 1,
      cutTokens: 3,
      dropped: 0,
      tokens: 8 + 3 + 4,
      supervisedTokens: 4 + 2 + 3,
      longest: 8,
    });
    assert.equal(cut.place(1), "datasets/x/train.jsonl:2");
    assert.equal(cut.place(2), "datasets/x/b.jsonl:1");
    assert.equal(cut.rowLength(2), 4);
    assert.equal(cut.rowLabels(2), 3);
    assert.deepEqual([...cut.row(1).ids], [...tokenizer.encode("z"), ...tokenizer.encode("y"), 2]);

    const dropped = await encodeRows(rows, tokenizer, { maxLength: 8, overflow: "drop" });
    assert.equal(dropped.stats.dropped, 1);
    assert.equal(dropped.length, 2);
    assert.notEqual(dropped.sha256, cut.sha256);
    assert.equal((await encodeRows(rows, tokenizer, { maxLength: 8, overflow: "truncate" })).sha256, cut.sha256);
  });

  it("counts tokens as training will", () => {
    const contents: RowContent[] = [
      messages(["user", "a"], ["assistant", "b c"]),
      messages(["user", "a"]),
      { kind: "completion", prompt: "", completion: "abc" },
      { kind: "text", text: "abc" },
    ];
    for (const content of contents) {
      const { total, supervised } = countContentTokens(content, tokenizer);
      const outcome = encodeRow(row(content), tokenizer, options);
      if (outcome.kind !== "encoded") assert.equal(supervised, 0);
      else
        assert.deepEqual(
          [total, supervised],
          [outcome.ids.length, outcome.labelMask.filter((bit) => bit === 1).length],
        );
    }
  });

  it("fails with every bad row up to a cap, and when nothing is left", async () => {
    const bad = Array.from({ length: 150 }, (_, index) => row(messages(["user", "a"]), index + 1));
    await assert.rejects(encodeRows(bad, tokenizer, options), (error: unknown) => {
      assert.ok(error instanceof GituneError);
      assert.equal(error.issues.length, 101);
      assert.equal(error.issues[99]?.line, 100);
      assert.match(error.issues[100]?.message ?? "", /50 more rows/);
      return true;
    });
    const long = [row({ kind: "text", text: "zzzzzz" })];
    await assert.rejects(encodeRows(long, tokenizer, { maxLength: 2, overflow: "drop" }), /no row to train on/);
    await assert.rejects(encodeRows([], tokenizer, options), /no row to train on/);
  });
});
