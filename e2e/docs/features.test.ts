/** docs/features.md names files: each of them is there, and no row says yes without a test. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";

const text = readFileSync(join(REPOSITORY, "docs/features.md"), "utf8");
const rows = text
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

it("every file and page that the table names is there", () => {
  const files = [...text.matchAll(/`((?:packages|e2e|scripts|\.github)\/[\w./-]+)`/g)].map(([, file = ""]) => file);
  const pages = [...text.matchAll(/\]\(([\w.-]+\.md)\)/g)].map(([, page = ""]) => `docs/${page}`);
  assert.ok(files.length > 60 && pages.length > 0);
  assert.deepEqual(
    [...files, ...pages].filter((file) => !existsSync(join(REPOSITORY, file))),
    [],
  );
});

it("rows 60 to 84 are all there, and what is there has a test", () => {
  const numbers = rows.map(([number = ""]) => Number(number));
  for (let number = 60; number <= 84; number += 1) assert.ok(numbers.includes(number), `row ${number}`);
  for (const cells of rows) {
    const [number, , state] = cells;
    assert.match(state ?? "", /^(yes|partly|not)$/, `row ${number}`);
    assert.equal(/\.test\.(ts|mjs)`/.test(cells.at(-1) ?? ""), state !== "not", `row ${number}`);
  }
});
