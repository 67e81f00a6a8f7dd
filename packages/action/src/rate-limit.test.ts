import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainRateLimit, rateLimitOf } from "./rate-limit.js";

const NOW = new Date("2026-01-02T03:04:05Z");
const failure = (status: number, headers: Record<string, string> = {}, message = "no") =>
  Object.assign(new Error(message), { status, response: { headers } });
const inSeconds = (seconds: number) => String(NOW.getTime() / 1000 + seconds);

describe("rateLimitOf", () => {
  const reset = { "x-ratelimit-reset": inSeconds(90) };
  for (const [name, error, expected] of [
    ["a primary limit", failure(403, { ...reset, "x-ratelimit-remaining": "0" }), 90],
    ["a primary limit as 429", failure(429, { ...reset, "x-ratelimit-remaining": "0" }), 90],
    ["a secondary limit", failure(403, { ...reset, "x-ratelimit-remaining": "70", "retry-after": "30" }), 30],
    ["a secondary limit without a time", failure(403, reset, "You have exceeded a secondary rate limit."), 60],
    ["429 without a word", failure(429), "unknown"],
    ["a time that is none", failure(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon" }), "unknown"],
    ["a missing permission", failure(403, { ...reset, "x-ratelimit-remaining": "4000" }), null],
    ["a failing server", failure(500, { ...reset, "x-ratelimit-remaining": "0" }), null],
    ["no answer", new Error("cut"), null],
  ] as const) {
    it(`${name}: ${expected ?? "not one"}`, () => {
      const found = rateLimitOf(error, NOW);
      const seconds = found && (found.endsAt ? (found.endsAt.getTime() - NOW.getTime()) / 1000 : "unknown");
      assert.equal(seconds, expected);
    });
  }
});

describe("explainRateLimit", () => {
  it("says when it ends, never too early", () => {
    assert.match(explainRateLimit({ endsAt: NOW }, "no"), /starts again at 03:05 UTC\. .* \(no\)/);
    assert.match(explainRateLimit({ endsAt: new Date("2026-01-02T23:59:01Z") }, "no"), /at 00:00 UTC/);
    assert.doesNotMatch(explainRateLimit({ endsAt: null }, "no"), /UTC/);
  });
});
