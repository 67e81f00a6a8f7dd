import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileRole, toProjectName } from "./file-role.js";

describe("fileRole", () => {
  const cases: readonly (readonly [path: string, split: string | null, name: string])[] = [
    ["chat/train-00001-of-00004.jsonl", "train", "chat"],
    ["data/val/faq.jsonl", "validation", "faq"],
    ["faq_test.jsonl", "eval", "faq"],
    ["data/train.jsonl", "train", "shop"],
    ["Übersetzungen (neu).jsonl", null, "ubersetzungen-neu"],
    ["$(rm -rf)/x\n::error::.jsonl", null, "x-error"],
    ["日本語.jsonl", null, "shop"],
  ];
  for (const [path, split, name] of cases) {
    it(`reads ${JSON.stringify(path)}`, () => {
      const role = fileRole(path, "shop");
      assert.deepEqual([role.split, role.name], [split, name]);
    });
  }

  it("puts splits and shards of one thing together, and other things apart", () => {
    const group = (path: string) => fileRole(path, "shop").group;
    assert.equal(group("chat/train-00001-of-00004.jsonl"), group("chat/validation.jsonl"));
    assert.equal(group("data/train/faq.jsonl"), group("data/test/faq.jsonl"));
    assert.notEqual(group("data/faq.jsonl"), group("data/chat.jsonl"));
  });

  it("never gives a name that the config refuses", () => {
    for (const text of ["", "...", "-a-", "A".repeat(500), "\u0000", "é\u0301"]) {
      assert.match(toProjectName(text, "***"), /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/);
    }
  });
});
