import assert from "node:assert/strict";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Row, RowContent } from "@gitune/core";
import { type BaseTokenizer, loadTokenizer } from "../tokenizer/tokenizer.js";
import { markPieces, previewRow } from "./preview-row.js";

let tokenizer: BaseTokenizer;
before(async () => {
  tokenizer = await loadTokenizer(fileURLToPath(new URL("../../test/fixtures/tiny-chat", import.meta.url)));
});

const row = (content: RowContent): Row => ({ key: "k", hash: "", value: {}, content, file: "train.jsonl", line: 7 });
const sky = row({ kind: "completion", prompt: "The sky is", completion: " blue." });
const tokens = (text: string) => tokenizer.encode(text).length;

test("a row that fits: all of its tokens, those that are learned, and its text", () => {
  const preview = previewRow(sky, tokenizer, { maxLength: 200, overflow: "error" });
  assert.deepEqual(
    [preview.fate, preview.tokens, preview.labels],
    ["used", tokens("The sky is") + tokens(" blue.") + 1, tokens(" blue.") + 1],
  );
  assert.equal(markPieces(preview.pieces), "The sky is⟦ blue.<|im_end|>⟧");
});

test("a row that is too long: what is cut is shown, and what becomes of it otherwise", () => {
  const maxLength = tokens("The sky is") + 2;
  const cut = previewRow(sky, tokenizer, { maxLength, overflow: "truncate" });
  assert.deepEqual([cut.fate, cut.labels, cut.tokens > maxLength], ["cut", 2, true]);
  const text = markPieces(cut.pieces);
  assert.match(text, /^The sky is⟦[^⟧]+⟧⟪[^⟫]+⟫$/);
  assert.equal(text.replace(/[⟦⟧⟪⟫]/g, ""), "The sky is blue.<|im_end|>");

  const dropped = previewRow(sky, tokenizer, { maxLength, overflow: "drop" });
  assert.deepEqual([dropped.fate, dropped.labels, dropped.issue], ["dropped", 0, null]);
  const refused = previewRow(sky, tokenizer, { maxLength, overflow: "error" });
  assert.deepEqual([refused.fate, refused.issue?.code, refused.issue?.line], ["refused", "row.too-long", 7]);
  assert.equal(markPieces(refused.pieces), "The sky is⟦ blue.<|im_end|>⟧");
});

test("a row that cannot be shown says why", () => {
  const content: RowContent = { kind: "preference", prompt: "a", chosen: "b", rejected: "c" } as unknown as RowContent;
  const preview = previewRow(row(content), tokenizer, { maxLength: 200, overflow: "error" });
  assert.deepEqual([preview.fate, preview.pieces, preview.issue?.code], ["refused", [], "row.format"]);
});
