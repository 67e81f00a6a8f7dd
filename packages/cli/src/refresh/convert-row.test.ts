import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config, JsonValue, RefreshSource } from "@gitune/core";
import { convertRow, isAccepted } from "./convert-row.js";

const MESSAGES: Config["data"] = { format: "messages", columns: {}, schema: null, id: null, splits: {}, mix: [] };

function convert(
  value: JsonValue,
  source: Partial<Pick<RefreshSource, "map" | "format">> = {},
  data: Partial<Config["data"]> = {},
) {
  const project = { ...MESSAGES, ...data };
  return convertRow(value, { map: {}, format: project.format, ...source }, project);
}

const turn = (role: string, content: string) => ({ role, content });

test("the project's own rows stay as they are, in one form", () => {
  const given = { messages: [turn("user", "e\u0301\r\nx "), turn("assistant", "y\t\n")], more: [1, null] };
  assert.deepEqual(convert(given), {
    row: { messages: [turn("user", "\u00e9\nx"), turn("assistant", "y")], more: [1, null] },
  });
  // Where prompt and completion are joined as they are, a blank at an end is part of them.
  const joined = convert({ prompt: "a: ", completion: "b " }, {}, { format: "prompt-completion" });
  assert.deepEqual(joined, { row: { prompt: "a: ", completion: "b " } });
});

test("a map picks by pointer, also odd keys, and says what is not there", () => {
  const map = { messages: "/a~1b/0", id: "/__proto__/x" };
  const given = JSON.parse('{"a/b": [[{"role":"user","content":"q"}]], "__proto__": {"x": 1}}') as JsonValue;
  assert.deepEqual(convert(given, { map }), { row: { messages: [turn("user", "q")], id: 1 } });
  for (const pointer of ["/length", "/a/toString", "/a~1b/9"])
    assert.ok("findings" in convert(given, { map: { messages: pointer } }), pointer);
});

test("conversations of other formats become the project's", () => {
  const messages = [turn("user", "q"), turn("assistant", "a")];
  const given: readonly [RefreshSource["format"], JsonValue][] = [
    ["prompt-completion", { prompt: "q", completion: "a" }],
    ["prompt-completion", { prompt: [turn("user", "q")], completion: "a" }],
    ["alpaca", { instruction: "q", output: "a" }],
    [
      "sharegpt",
      {
        conversations: [
          { from: "human", value: "q" },
          { from: "gpt", value: "a" },
        ],
      },
    ],
  ];
  for (const [format, value] of given) assert.deepEqual(convert(value, { format }), { row: { messages } }, format);
  assert.deepEqual(convert({ messages }, { format: "messages" }, { format: "prompt-completion" }), {
    row: { prompt: [turn("user", "q")], completion: [turn("assistant", "a")] },
  });
  // What its own format refuses never becomes a row: `undefined` is no answer.
  assert.ok("findings" in convert({ instruction: "q" }, { format: "alpaca" }));
});

test("a converted row has the project's columns and key", () => {
  const columns = { messages: "chat" };
  const source = { format: "prompt-completion" as const, map: { prompt: "/q", completion: "/a", key: "/n" } };
  assert.deepEqual(convert({ q: "q", a: "a", n: 7 }, source, { id: "key", columns }), {
    row: { key: 7, chat: [turn("user", "q"), turn("assistant", "a")] },
  });
});

test("accepted is what the source says with one of the values, exactly", () => {
  const accept = { "/feedback/vote": ["up", 1], "/done": [true] };
  assert.equal(isAccepted({ feedback: { vote: 1 }, done: true }, accept), true);
  for (const value of [{ feedback: { vote: "1" }, done: true }, { feedback: { vote: "up" } }, null, "up", []])
    assert.equal(isAccepted(value, accept), false);
});
