/** A repository with 100 projects of which a pull request changes one: only that one is trained. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { promisify } from "node:util";
import { REPOSITORY } from "../support/action-folder.js";
import { ALWAYS, config, jsonl, rows, suite } from "../support/colours-project.js";
import { ENVIRONMENT, GitRepository } from "../support/git-repository.js";
import { tinyBase } from "../support/tiny-base.js";

const NAMES = Array.from({ length: 100 }, (_, i) => `colours-${i + 1}`);
const CHANGED = "colours-50";
const rowsOf = (name: string, count: number) => jsonl(rows(count, (i) => `Which colour is thing ${i} of ${name}?`));

let repository: GitRepository;
before(() => {
  const projects = NAMES.map((name) => ({
    [`datasets/${name}/gitune.yaml`]: config(ALWAYS).replace("name: colours", `name: ${name}`),
    [`datasets/${name}/train.jsonl`]: rowsOf(name, 6),
    [`datasets/${name}/evals/answers.jsonl`]: jsonl(
      suite().map((row) => ({ ...row, prompt: `${row.prompt} Of ${name}.` })),
    ),
  }));
  repository = new GitRepository(
    Object.assign({ ...tinyBase("models/tiny"), ".gitignore": ".gitune/\n" }, ...projects),
  );
});
after(() => repository.remove());

it("the plan names that one alone, and has looked at all of them", { timeout: 300_000 }, async () => {
  repository.git("checkout", "--quiet", "-b", "change");
  repository.commit("change", { [`datasets/${CHANGED}/train.jsonl`]: rowsOf(CHANGED, 7) });
  const args = [join(REPOSITORY, "packages/cli/dist/main.js"), "plan", "--base", "main", "--head", "HEAD", "--json"];
  const options = { cwd: repository.root, env: ENVIRONMENT, maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  const plan = JSON.parse(stdout) as {
    readonly pending: readonly string[];
    readonly projects: readonly { readonly name: string; readonly status: string }[];
  };
  assert.deepEqual(plan.pending, [CHANGED]);
  assert.deepEqual(plan.projects.map(({ name }) => name).sort(), NAMES.filter((name) => name !== CHANGED).sort());
  assert.deepEqual(new Set(plan.projects.map(({ status }) => status)), new Set(["unchanged"]));
});
