import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonValue } from "@gitune/core";
import { detectFormat } from "./detect-format.js";

const turns = [
  { role: "user", content: "a" },
  { role: "assistant", content: "b" },
];
const speakers = [
  { from: "human", value: "a" },
  { from: "gpt", value: "b" },
];

describe("detectFormat", () => {
  const cases: readonly (readonly [
    row: JsonValue,
    format: string | null,
    columns?: Readonly<Record<string, string>>,
  ])[] = [
    [{ messages: turns }, "messages"],
    [{ conversations: turns }, "messages", { messages: "conversations" }],
    [{ conversations: speakers }, "sharegpt"],
    [{ Dialog: speakers }, "sharegpt", { conversations: "Dialog" }],
    [{ prompt: "a", completion: "b" }, "prompt-completion"],
    [
      { Question: "a", "best answer": "b", ANSWER: "c" },
      "prompt-completion",
      { prompt: "Question", completion: "ANSWER" },
    ],
    [{ instruction: "a", output: "b" }, "alpaca"],
    [{ instruction: "a", context: "", response: "b" }, "alpaca", { output: "response", input: "context" }],
    [{ text: "a", label: "b" }, "prompt-completion", { prompt: "text", completion: "label" }],
    [
      { user: "me", source: "web", text: "a", label: "b" },
      "prompt-completion",
      { prompt: "text", completion: "label" },
    ],
    [{ user: "a", assistant: "b" }, "prompt-completion", { prompt: "user", completion: "assistant" }],
    [{ text: "a", label: 1 }, "text"],
    [{ prompt: "a", chosen: "b", rejected: "c" }, "preference"],
    [{ id: "1", Frage: "a", Antwort: "b" }, "prompt-completion", { prompt: "Frage", completion: "Antwort" }],
    [{ x: 1 }, null],
    [[1], null],
    [{ __proto__: "a", constructor: "b" }, null],
  ];
  for (const [row, format, columns = {}] of cases) {
    it(`takes ${JSON.stringify(row).slice(0, 70)} for ${format}`, () => {
      const found = detectFormat([row, row]);
      if (format === null) return assert.equal(found, null);
      assert.ok(found?.kind === "rows");
      assert.deepEqual([found.format, found.columns], [format, columns]);
    });
  }

  it("tells suites, and looks past broken rows", () => {
    assert.deepEqual(detectFormat([{ prompt: "a", references: ["b"] }]), { kind: "suite" });
    assert.deepEqual(detectFormat([{ messages: turns.slice(0, 1), label: "b" }]), { kind: "suite" });
    const found = detectFormat([{ prompt: "a", completion: "b" }, { prompt: 1 }, { prompt: "a", completion: "b" }]);
    assert.ok(found?.kind === "rows" && found.format === "prompt-completion");
  });
});
