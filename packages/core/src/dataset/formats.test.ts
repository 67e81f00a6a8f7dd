/** Rows of every format, as they are written and as they are read. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { DataFormat } from "../config/config.js";
import { GituneError } from "../issue.js";
import type { JsonObject, RowContent } from "../row.js";
import { configText, type Files, tempProject } from "../testing/temp-repo.js";
import { FORMATS } from "./formats.js";
import { loadRows } from "./read-rows.js";
import { validateProject } from "./validate.js";

const message = (role: string, content: string) => ({ role, content });

/** Code, line and pointer of each issue. */
async function placesOf(t: TestContext, files: Files, config?: string) {
  const { issues } = await validateProject(await tempProject(t, files, config));
  return issues.map(({ code, line, pointer }) => [code, line, pointer]);
}

const CONTENT: { readonly [F in DataFormat]: readonly (readonly [row: JsonObject, content: RowContent])[] } = {
  messages: [
    [
      { messages: [message("system", "s"), message("user", "u"), message("assistant", "a")], tools: "[]" },
      {
        kind: "messages",
        messages: [message("system", "s"), message("user", "u"), message("assistant", "a")] as never,
      },
    ],
  ],
  "prompt-completion": [
    [
      { prompt: "The sky is", completion: " blue." },
      { kind: "completion", prompt: "The sky is", completion: " blue." },
    ],
    [
      { prompt: [message("user", "u")], completion: [message("assistant", "a")] },
      { kind: "messages", messages: [message("user", "u"), message("assistant", "a")] as never },
    ],
  ],
  alpaca: [
    [
      { instruction: "Add", input: "1 2", output: "3", system: "s", history: [["hi", "ho"]] },
      {
        kind: "messages",
        messages: [
          message("system", "s"),
          message("user", "hi"),
          message("assistant", "ho"),
          message("user", "Add\n1 2"),
          message("assistant", "3"),
        ] as never,
      },
    ],
  ],
  sharegpt: [
    [
      {
        conversations: [
          { from: "human", value: "u" },
          { from: "gpt", value: "a" },
        ],
        system: "s",
      },
      {
        kind: "messages",
        messages: [message("system", "s"), message("user", "u"), message("assistant", "a")] as never,
      },
    ],
    [
      {
        conversations: [
          { from: "human", value: "u" },
          { from: "function_call", value: '{"name":"f","arguments":{}}' },
        ],
      },
      {
        kind: "messages",
        messages: [
          message("user", "u"),
          { ...message("assistant", ""), tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }] },
        ] as never,
      },
    ],
  ],
  text: [[{ text: "t" }, { kind: "text", text: "t" }]],
  preference: [
    [
      { prompt: "p2", chosen: "c", rejected: "r" },
      {
        kind: "preference",
        prompt: [message("user", "p2")],
        chosen: [message("assistant", "c")],
        rejected: [message("assistant", "r")],
      } as never,
    ],
    [
      {
        chosen: [message("user", "p"), message("assistant", "c")],
        rejected: [message("user", "p"), message("assistant", "r")],
      },
      {
        kind: "preference",
        prompt: [message("user", "p")],
        chosen: [message("assistant", "c")],
        rejected: [message("assistant", "r")],
      } as never,
    ],
  ],
};
for (const format of Object.keys(FORMATS) as DataFormat[]) {
  test(`format ${format}: rows become their content`, async (t) => {
    const cases = CONTENT[format];
    const split = await tempProject(
      t,
      { "train.jsonl": cases.map(([row]) => row) },
      configText().replace("prompt-completion", format),
    );
    assert.deepEqual((await validateProject(split)).issues, []);
    const rows = await loadRows(split, "train");
    assert.deepEqual(
      rows.map(({ content }) => content),
      cases.map(([, content]) => content),
    );
    assert.match(rows[0]?.key ?? "", /^sha256:[0-9a-f]{16}$/);
  });
}

const CHAT = configText().replace("prompt-completion", "messages");
const BAD_ROWS: readonly [name: string, row: unknown, code: string, pointer: string, config?: string][] = [
  ["a missing key", { prompt: "x" }, "row.required", "/completion"],
  ["a key that is nearly right", { prompt: "x", completions: "y" }, "row.required", "/completion"],
  ["a wrong type", { prompt: "x", completion: 3 }, "row.invalid", "/completion"],
  ["no object", [1], "row.type", ""],
  ["no answer", { prompt: "x", completion: " " }, "row.empty", "/completion"],
  [
    "a wrong role",
    { messages: [message("user", "x"), message("asistant", "y")] },
    "row.enum",
    "/messages/1/role",
    CHAT,
  ],
  [
    "two user turns",
    { messages: [message("user", "x"), message("user", "y"), message("assistant", "z")] },
    "row.role-order",
    "/messages/1",
    CHAT,
  ],
  [
    "a system turn later",
    { messages: [message("user", "x"), message("system", "y"), message("user", "y"), message("assistant", "z")] },
    "row.role-order",
    "/messages/1",
    CHAT,
  ],
  ["no answer at the end", { messages: [message("user", "x")] }, "row.last-role", "/messages/0", CHAT],
  ["an empty turn", { messages: [message("user", ""), message("assistant", "z")] }, "row.empty", "/messages/0", CHAT],
  [
    "a turn without content",
    { messages: [{ role: "user" }, message("assistant", "z")] },
    "row.required",
    "/messages/0/content",
    CHAT,
  ],
  ["no turns", { messages: [] }, "row.items", "/messages", CHAT],
];
for (const [name, row, code, pointer, config] of BAD_ROWS) {
  test(`${name} is ${code} at ${pointer || "the row"}`, async (t) => {
    const files = { "train.jsonl": [row] };
    assert.deepEqual((await placesOf(t, files, config))[0], [code, 1, pointer]);
    await assert.rejects(
      loadRows(await tempProject(t, files, config), "train"),
      (error: unknown) => error instanceof GituneError && error.exitCode === 2,
    );
  });
}

test("columns are mapped, and issues point at the columns as written", async (t) => {
  const config = configText({ data: "  columns: { prompt: question, completion: answer }" });
  const rows = await loadRows(
    await tempProject(t, { "train.jsonl": [{ question: "q", answer: "a", id: 3 }] }, config),
    "train",
  );
  assert.deepEqual(rows[0]?.content, { kind: "completion", prompt: "q", completion: "a" });
  assert.deepEqual(await placesOf(t, { "train.jsonl": [{ question: "q", answer: " " }] }, config), [
    ["row.empty", 1, "/answer"],
  ]);
});
