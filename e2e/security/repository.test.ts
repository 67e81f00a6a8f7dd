/** A repository whose git settings, attributes and hooks run programs: gitune reads it, and nothing runs. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";

const { jsonl, TestRepository } = (await import(
  join(REPOSITORY, "packages/cli/dist/testing.js")
)) as typeof import("../../packages/cli/dist/testing.js");
type TestRepository = InstanceType<typeof TestRepository>;

const ROWS = ["red", "blue"].map((completion) => ({ prompt: `Is it ${completion}?`, completion }));
const CONFIG = `name: colours
data: { format: prompt-completion, splits: { train: train.jsonl } }
train: { base: models/tiny }
checks: { tokens: off }
`;

/** Whatever git would start leaves a file. */
function trap(t: TestContext): { readonly program: string; readonly caught: () => boolean } {
  const dir = mkdtempSync(join(tmpdir(), "gitune-trap-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const program = join(dir, "trap.sh");
  writeFileSync(program, `#!/bin/sh\ntouch ${join(dir, "caught")}\ncat\n`);
  chmodSync(program, 0o755);
  return { program, caught: () => existsSync(join(dir, "caught")) };
}

function hostile(t: TestContext, program: string): TestRepository {
  const repository = new TestRepository({
    "models/tiny/config.json": "{}",
    "datasets/colours/gitune.yaml": CONFIG,
    "datasets/colours/train.jsonl": jsonl(ROWS),
  });
  t.after(() => repository.remove());
  repository.commit("base");
  repository.commit("head", {
    ".gitattributes": "* filter=trap diff=trap merge=trap\n",
    ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::trap\n\tupdate = !trap\n',
    "datasets/colours/train.jsonl": jsonl(ROWS.slice(1)),
  });
  const settings = {
    "core.fsmonitor": program,
    "core.pager": program,
    "core.editor": program,
    "core.sshCommand": program,
    "core.askPass": program,
    "core.alternateRefsCommand": program,
    "credential.helper": `!${program}`,
    "diff.external": program,
    "diff.trap.command": program,
    "diff.trap.textconv": program,
    "filter.trap.clean": program,
    "filter.trap.smudge": program,
    "filter.trap.process": program,
    "merge.trap.driver": program,
    "gpg.program": program,
    "alias.ls-tree": `!${program}`,
    "alias.cat-file": `!${program}`,
    "alias.rev-parse": `!${program}`,
    "submodule.x.update": `!${program}`,
    "remote.origin.url": `ext::${program}`,
    "remote.origin.promisor": "true",
    "protocol.ext.allow": "always",
    "commit.gpgSign": "true",
  };
  for (const [name, value] of Object.entries(settings)) repository.git("config", name, value);
  const hooks = join(repository.root, ".git", "hooks");
  mkdirSync(hooks, { recursive: true });
  for (const hook of [
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "pre-commit",
    "fsmonitor-watchman",
  ]) {
    writeFileSync(join(hooks, hook), `#!/bin/sh\nexec ${program}\n`);
    chmodSync(join(hooks, hook), 0o755);
  }
  return repository;
}

for (const [what, args] of [
  ["validate", ["validate", "--json"]],
  ["diff of two commits", ["diff", "--base", "HEAD~1", "--head", "HEAD", "--json"]],
  ["diff of the working tree", ["diff", "--base", "HEAD~1", "--json"]],
  ["plan", ["plan", "--base", "HEAD~1", "--json"]],
] as const) {
  it(`${what}: no filter, hook, monitor, text converter or transport is started`, async (t) => {
    const { program, caught } = trap(t);
    const answer = await hostile(t, program).gitune(args);
    assert.notEqual(answer.stdout, "", answer.stderr);
    assert.equal(caught(), false);
  });
}

it("an object that is not there is not fetched through a program of the repository", async (t) => {
  const { program, caught } = trap(t);
  const repository = hostile(t, program);
  const blob = repository.git("rev-parse", "HEAD~1:datasets/colours/train.jsonl");
  rmSync(join(repository.root, ".git", "objects", blob.slice(0, 2), blob.slice(2)), { force: true });
  const answer = await repository.gitune(["diff", "--base", "HEAD~1", "--json"]);
  assert.notEqual(answer.code, 0);
  assert.equal(caught(), false, answer.stdout);
});
