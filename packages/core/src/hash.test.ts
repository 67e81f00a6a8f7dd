import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { cacheKey, canonicalJson, hashFile, sha256Hex } from "./hash.js";
import { InternalError } from "./issue.js";
import { tempDir } from "./testing/temp-repo.js";

test("sha256 of known texts (FIPS 180-4)", async (t) => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(sha256Hex("abc"), abc);
  const path = join(tempDir(t), "x");
  writeFileSync(path, "abc");
  assert.equal(await hashFile(path), abc);
});

test("canonical JSON: RFC 8785's example of key order and numbers", () => {
  const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
  assert.equal(canonicalJson(value), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  assert.equal(
    canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0]),
    "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
  );
});

test("canonical JSON reads back as the value, whatever the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(JSON.parse(text)), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("what JSON cannot hold is a bug, not a key", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, [undefined]])
    assert.throws(() => cacheKey({ value }), InternalError);
  assert.equal(cacheKey({ a: 1, b: undefined }), cacheKey({ a: 1 }));
});
