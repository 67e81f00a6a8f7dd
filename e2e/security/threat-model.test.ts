/** docs/security.md names tests: each of them is there, and none of this folder is left out. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";

const text = readFileSync(join(REPOSITORY, "docs/security.md"), "utf8");
const named = new Set([...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file = ""]) => file));

it("every test that the threat model names is there", () => {
  assert.ok(named.size > 0);
  assert.deepEqual(
    [...named].filter((file) => !existsSync(join(REPOSITORY, file))),
    [],
  );
});

it("every test of e2e/security is named in the threat model", () => {
  const own = readdirSync(join(REPOSITORY, "e2e/security")).map((file) => `e2e/security/${file}`);
  assert.deepEqual(
    own.filter((file) => !named.has(file)),
    [],
  );
});
