import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Permissions } from "../github-server/tokens.js";
import { runWorkflow } from "./run-workflow.js";
import type { WorkflowEvent } from "./triggers.js";

let workspace: string;
const granted: Permissions[] = [];

before(() => {
  workspace = mkdtempSync(join(tmpdir(), "gitune-runner-"));
  cpSync(fileURLToPath(new URL("../../../fixtures/runner", import.meta.url)), workspace, { recursive: true });
  for (const dir of ["data", "bin"]) mkdirSync(join(workspace, dir));
  writeFileSync(join(workspace, "data/train.jsonl"), "{}\n");
  writeFileSync(join(workspace, "bin/tool"), "#!/bin/sh\necho tool was found\n");
  chmodSync(join(workspace, "bin/tool"), 0o755);
});
after(() => rmSync(workspace, { recursive: true, force: true }));

const run = (name: string, event: WorkflowEvent) =>
  runWorkflow({
    workflow: join(workspace, ".github/workflows", name),
    workspace,
    event,
    repository: "octo/rows",
    apiUrl: "http://127.0.0.1:1",
    issueToken(permissions) {
      granted.push(permissions);
      return "ghs_the_token";
    },
    runNumber: 7,
  });

const pullRequest = (paths: readonly string[], headRepo = "octo/rows"): WorkflowEvent => ({
  name: "pull_request",
  ref: "refs/pull/1/merge",
  sha: "a".repeat(40),
  paths,
  payload: {
    action: "opened",
    pull_request: {
      head: { ref: "x", repo: { full_name: headRepo } },
      base: { ref: "main", repo: { full_name: "octo/rows" } },
    },
  },
});
const push = (ref: string): WorkflowEvent => ({ name: "push", ref, sha: "a".repeat(40), payload: {} });

describe("runWorkflow", () => {
  it("runs jobs, legs, scripts, node and composite actions as GitHub does", async () => {
    const { conclusion, jobs } = await run("all.yml", pullRequest(["data/train.jsonl"]));
    const [one, two] = jobs["work"] ?? [];
    assert.ok(one && two);
    assert.equal(conclusion, "success", one.log);
    assert.equal(one.steps["files"]?.outputs["many"], "a=1\nb");
    assert.match(one.log, /outer=outer inner=seed-1 later=set extra= token=\*\*\*/);
    assert.match(two.log, /extra=more/);
    assert.match(one.log, /tool was found/);
    assert.match(one.log, /word octo\/rows/);
    assert.match(one.log, /post from-main/);
    assert.equal(two.summary, "seed 2\n");
    assert.deepEqual(one.steps["bad"], { outputs: {}, outcome: "failure", conclusion: "success" });
    assert.equal(one.steps["after-bad"]?.conclusion, "success");
    assert.equal(one.steps["never"]?.conclusion, "skipped");
    assert.equal(jobs["after"]?.[0]?.conclusion, "success");
    assert.equal(jobs["release"]?.[0]?.conclusion, "skipped");
  });

  it("gives a fork's token no right to write", async () => {
    granted.length = 0;
    await run("all.yml", pullRequest(["data/train.jsonl"], "guest/rows"));
    assert.deepEqual(granted[0], { contents: "read", "pull-requests": "read" });
  });

  it("lets a failure skip what follows, in the job and after it", async () => {
    const { conclusion, jobs } = await run("fail.yml", push("refs/heads/main"));
    const [first] = jobs["first"] ?? [];
    assert.equal(conclusion, "failure");
    assert.equal(first?.steps["skipped"]?.conclusion, "skipped");
    assert.equal(first?.steps["cleanup"]?.conclusion, "success");
    assert.equal(jobs["second"]?.[0]?.conclusion, "skipped");
    assert.deepEqual(first?.annotations[0], {
      level: "error",
      message: "one\ntwo",
      properties: { file: "a.txt", line: "3", title: "T: x" },
    });
    assert.doesNotMatch(first?.log.replace("add-mask", "") ?? "", /hidden-word/);
  });

  for (const [name, file, event, expected] of [
    ["a pull request beside the paths", "all.yml", pullRequest(["README.md"]), "not-triggered"],
    ["a tag that matches", "fail.yml", push("refs/tags/v1.2.3"), "failure"],
    ["a tag that does not", "fail.yml", push("refs/tags/x1"), "not-triggered"],
    ["another branch", "fail.yml", push("refs/heads/other"), "not-triggered"],
    ["another event", "fail.yml", pullRequest([]), "not-triggered"],
  ] as const) {
    it(`${name}: ${expected}`, async () => assert.equal((await run(file, event)).conclusion, expected));
  }

  it("refuses a file that GitHub would refuse", async () => {
    writeFileSync(join(workspace, ".github/workflows/wrong.yml"), "on: push\njobs:\n  a:\n    run-on: x\n");
    await assert.rejects(run("wrong.yml", push("refs/heads/main")), /invalid workflow/);
  });
});
