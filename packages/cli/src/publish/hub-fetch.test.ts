import assert from "node:assert/strict";
import { test } from "node:test";
import { limitOf, withoutTokens } from "./hub-fetch.js";

test("how long the Hub wants to be left alone", () => {
  const limit = (headers: Record<string, string>) => limitOf(new Headers(headers), Date.parse("2026-01-01T00:00:00Z"));
  assert.equal(limit({}), 0);
  assert.equal(limit({ "retry-after": "7" }), 7000);
  assert.equal(limit({ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }), 60_000);
  assert.equal(limit({ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }), 0);
  assert.equal(limit({ ratelimit: '"api";r=0;t=42' }), 42_000);
  assert.equal(limit({ ratelimit: "limit=100, remaining=0, reset=5" }), 0);
  assert.equal(limit({ "retry-after": "soon", ratelimit: '"api";t=3' }), 3000);
});

test("no token is shown, and nothing that a terminal obeys", () => {
  const shown = withoutTokens("bad hf_abcDEF123 and eyJhbGciOi.eyJ.sig\u001b[31m");
  assert.doesNotMatch(shown, /abcDEF|hbGciOi/);
  assert.equal(shown.includes("\u001b"), false);
  assert.equal(withoutTokens("x".repeat(1000)).length, 300);
});
