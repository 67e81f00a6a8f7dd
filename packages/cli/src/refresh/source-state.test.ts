import assert from "node:assert/strict";
import { test } from "node:test";
import type { RefreshSource } from "@gitune/core";
import { SecretGuard } from "./secret-guard.js";
import { configHash, parseState, renderState, type SourceState } from "./source-state.js";

const source = (name: string): RefreshSource => ({
  name,
  type: "http",
  url: "https://example.com/x",
  tokenEnv: null,
  into: "train/a.jsonl",
  format: "text",
  map: {},
  accept: {},
  timeoutSeconds: 1,
  maxBytes: 1,
});
const config = {
  data: { format: "text", columns: {}, schema: null, id: null, splits: {}, mix: [] },
  checks: {},
} as const;

test("the state: sorted, read back, and what is broken or unknown is left out", () => {
  const known = { config: "c", content: "d", etag: null };
  const sources = new Map<string, SourceState>([
    ["b", known],
    ["a", { ...known, etag: '"1"' }],
    ["gone", known],
  ]);
  const state = { sources, rejected: new Set(["f".repeat(16), "0".repeat(16)]) };
  const text = renderState(state, [source("b"), source("a")]);
  assert.deepEqual(
    text
      .trimEnd()
      .split("\n")
      .map((line) => Object.values(JSON.parse(line) as object)[0]),
    ["a", "b", "0".repeat(16), "f".repeat(16)],
  );
  const read = parseState(`${text}{"half\n[]\nnull\n{"source":7}\n{"rejected":"../x"}\n`);
  assert.deepEqual([[...read.sources.keys()], read.rejected.size], [["a", "b"], 2]);
  const evil = parseState(JSON.stringify({ source: "a", config: "c", content: "d", etag: "x\r\ny: z" }));
  assert.equal(evil.sources.get("a")?.etag, null, "an ETag goes into a header");
});

test("a source is asked anew where the question or the checks are others, not where its limits are", () => {
  const hash = configHash(source("a"), config);
  assert.equal(configHash({ ...source("a"), timeoutSeconds: 9, maxBytes: 9 }, config), hash);
  assert.notEqual(configHash({ ...source("a"), map: { text: "/x" } }, config), hash);
  assert.notEqual(configHash(source("a"), { ...config, checks: { pii: { level: "error" } } }), hash);
});

test("secrets are known by their form and by their value, escaped or not", () => {
  const guard = new SecretGuard(['pa/ss"word', undefined, "abc"]);
  const token = `ghp_${"a1B2".repeat(9)}`;
  for (const text of [token, token.replace("g", "\\u0067"), 'x pa/ss"word', '{"a":"pa\\/ss\\"word"}'])
    assert.equal(guard.holds(text), true, text);
  for (const text of ["abc", "ghp_short", ""]) assert.equal(guard.holds(text), false, text);
});
