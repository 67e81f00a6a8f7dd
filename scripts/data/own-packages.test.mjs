/** The source of new rows that this repository has for itself gives rows of the project it is for. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { discoverProjects } from "../../packages/core/dist/index.js";
import { partOf } from "./split.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "gitune-rows-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the nightly refresh has a source, and each row of it has the project's schema", async () => {
  const { projects } = await discoverProjects(root, ["package-synopsis"]);
  const [project] = projects;
  const [source] = project.config.refresh.sources;
  const [program, ...args] = source.command;
  assert.equal(program, "node");
  const text = execFileSync(process.execPath, args, { cwd: join(root, project.dir), encoding: "utf8" });
  const ids = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).id);
  assert.equal(new Set(ids).size, readdirSync(join(root, "packages")).length);
  assert.equal(partOf("gitune"), "train", "a source's packages are all in one split");

  const file = join(folder, "rows.jsonl");
  writeFileSync(file, text);
  const schema = join(root, project.dir, project.config.data.schema);
  const main = join(root, "packages/cli/dist/main.js");
  execFileSync(process.execPath, [main, "validate", "--file", file, "--schema", schema], { cwd: folder });
});
