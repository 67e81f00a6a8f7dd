/** The callers that docs/github.md shows are those that `gitune init` writes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { parse } from "yaml";
import { REPOSITORY } from "../support/action-folder.js";
import { ENVIRONMENT, GitRepository } from "../support/git-repository.js";

it("docs/github.md shows what init writes", (t) => {
  const repository = new GitRepository();
  t.after(() => repository.remove());
  const main = join(REPOSITORY, "packages/cli/dist/main.js");
  execFileSync(process.execPath, [main, "init", "--yes"], { cwd: repository.root, env: ENVIRONMENT, stdio: "pipe" });

  const text = readFileSync(join(REPOSITORY, "docs/github.md"), "utf8");
  const shown = [...text.matchAll(/```yaml\n# (\.github\/workflows\/[\w-]+\.yml)\n([\s\S]*?)```/g)];
  assert.ok(shown.length >= 2);
  for (const [, file = "", yaml = ""] of shown) {
    assert.deepEqual(parse(yaml), parse(readFileSync(join(repository.root, file), "utf8")), file);
  }
});
