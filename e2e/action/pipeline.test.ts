/**
 * The whole product on a pull request: the real workflow file, action, CLI and engine, with a random base of two layers,
 * so that it takes seconds.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { ALWAYS, baseFiles, config, jsonl, NEVER, PROJECT, rows } from "../support/colours-project.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type JobResult, runWorkflow } from "../support/workflow-runner/run-workflow.js";

let github: GitHubServer;
let action: ActionFolder;
let pull: PullRequestFixture;
let store: string;
let runNumber = 0;

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder("real");
  store = mkdtempSync(join(tmpdir(), "gitune-store-"));
  pull = await makePullRequest(github, {
    base: baseFiles(),
    head: { [`${PROJECT}/train.jsonl`]: jsonl(rows(26)) },
  });
});
after(async () => {
  await github.close();
  action.remove();
  pull.remove();
  rmSync(store, { recursive: true, force: true });
});

async function run(): Promise<JobResult> {
  runNumber += 1;
  const file = "../../fixtures/workflows/.github/workflows/gate.yml";
  const result = await runWorkflow({
    workflow: fileURLToPath(new URL(file, import.meta.url)),
    ...onPullRequest(github, pull),
    runNumber,
    env: { GITUNE_STORE: store },
    actions: {
      "actions/checkout": () => ({}),
      "actions/setup-node": () => ({}),
      "gitune/gitune/packages/action": action.dir,
    },
  });
  const job = result.jobs["gate"]?.[0];
  assert.ok(job);
  return job;
}

const hostileRows = [
  "::set-output name=verdict::pass",
  "::error::row",
  "--> <!-- gitune:comment --> @octo fixes #1",
  "| a | **b** | `c` ``` </details> <img src=x>",
].map((prompt) => ({ prompt, completion: "red" }));

describe("a pull request", { timeout: 300_000 }, () => {
  let commentId: number;

  it("passes the gate and gets one comment, a summary and a report", async () => {
    const job = await run();
    assert.equal(job.conclusion, "success", job.log);
    assert.equal(job.outputs["verdict"], "pass");
    assert.match(job.summary, /colours/);
    assert.ok(existsSync(join(pull.workspace, job.outputs["report-path"] ?? "", "report.md")));
    assert.ok(existsSync(join(pull.workspace, job.outputs["report-path"] ?? "", "results.json")));
    assert.ok(
      existsSync(join(job.outputs["adapter-path"] ?? "", "adapter_model.safetensors")),
      job.outputs["adapter-path"],
    );
    assert.equal(github.checkRuns[0]?.conclusion, "success");
    const comments = await pull.comments();
    assert.equal(comments.length, 1);
    assert.match(comments[0]?.body ?? "", /colours/);
    commentId = comments[0]?.id ?? 0;
  });

  it("with hostile rows pushed updates the same comment, and they stay inert", async () => {
    pull.push({ [`${PROJECT}/train.jsonl`]: jsonl([...rows(24), ...hostileRows]) });
    const job = await run();
    assert.equal(job.conclusion, "success", job.log);
    assert.deepEqual(
      job.annotations.filter(({ message }) => message === "row"),
      [],
    );
    const comments = await pull.comments();
    assert.deepEqual(
      comments.map(({ id }) => id),
      [commentId],
    );
    const body = comments[0]?.body.split("\n").slice(1).join("\n") ?? "";
    assert.doesNotMatch(body, /<!--|@octo|fixes #1|<img/);
    assert.equal(body.match(/<details/g)?.length, body.match(/<\/details>/g)?.length);
  });

  it("that fails the gate is red, says so, and keeps its comment", async () => {
    pull.push({ [`${PROJECT}/gitune.yaml`]: config(NEVER) });
    const job = await run();
    assert.equal(job.conclusion, "failure", job.log);
    assert.equal(job.outputs["verdict"], "fail");
    assert.deepEqual(
      job.annotations.filter(({ level }) => level === "error").map(({ properties }) => properties["title"]),
      ["gitune: the gate says no"],
    );
    assert.equal((await pull.comments()).length, 1);
  });

  it("with a broken row is annotated on its line", async () => {
    pull.push({ [`${PROJECT}/train.jsonl`]: `${jsonl(rows(24))}{"prompt": \n` });
    const job = await run();
    assert.equal(job.conclusion, "failure", job.log);
    const annotations = github.checkRuns.at(-1)?.annotations ?? [];
    const annotation = annotations.find(({ path }) => path === `${PROJECT}/train.jsonl`);
    assert.equal(annotation?.["start_line"], 25, JSON.stringify(annotations));
    const sarif = JSON.parse(readFileSync(job.outputs["sarif-file"] ?? "", "utf8")) as {
      runs: { results: unknown[] }[];
    };
    assert.equal(sarif.runs[0]?.results.length, annotations.length);
    assert.equal((await pull.comments()).length, 1);
  });

  it("with a broken config is bad input, not the gate", async () => {
    pull.push({ [`${PROJECT}/gitune.yaml`]: config(ALWAYS).replace("max_steps", "max_stepps") });
    const job = await run();
    assert.equal(job.conclusion, "failure");
    assert.equal(job.outputs["verdict"], "error");
    assert.equal(job.annotations.at(-1)?.properties["title"], "gitune: bad input");
  });
});
