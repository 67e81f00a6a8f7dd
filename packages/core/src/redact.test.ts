import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "./redact.js";

const SECRET = "p4ss/w+rd-of-mine";

test("a known secret is not shown, in no spelling", () => {
  const base64 = (before: string) => Buffer.from(`${before}${SECRET}:and more`).toString("base64");
  const spellings = [
    SECRET,
    encodeURIComponent(SECRET),
    base64(""),
    base64("a"),
    base64("ab"),
    base64("x-access-token:"),
  ];
  const core = SECRET.slice(3, -3);
  for (const spelling of spellings) {
    const shown = redact(`authorization: ${spelling}`, [SECRET]);
    assert.match(shown, /^authorization: .*…/);
    for (const part of [shown, decodeURIComponent(shown), Buffer.from(shown, "base64").toString()]) {
      assert.ok(!part.includes(core), shown);
    }
  }
});

test("tokens are known by their form; other text stays as it is", () => {
  for (const token of ["hf_abcDEF123", "ghs_16C7e42F", "github_pat_11AB_x", "sk-proj-1x", "eyJhbGciOi.J9.x-y"]) {
    const shown = redact(`bad token ${token}, sorry`);
    assert.match(shown, /^bad token (hf_|ghs_|github_pat_|sk-|eyJ)…, sorry$/);
  }
  assert.equal(redact("task-force of hf: short", ["short"]), "task-force of hf: short");
});
