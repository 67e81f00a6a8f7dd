/**
 * The repository's own workflow files, the real CLI and engine, on machines that share nothing but artifacts and the
 * cache: what is trained once is answered by the plan from then on.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { baseFiles, config, jsonl, NEVER, PROJECT, rows } from "../support/colours-project.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import { runWorkflow } from "../support/workflow-runner/run-workflow.js";

let github: GitHubServer;
let action: ActionFolder;
let stored: StoredActions;
let pull: PullRequestFixture;
let runNumber = 0;

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder("real");
  stored = storedActions(action);
  pull = await makePullRequest(github, {
    base: baseFiles(),
    head: { [`${PROJECT}/train.jsonl`]: jsonl(rows(26)) },
  });
});
after(async () => {
  await github.close();
  action.remove();
  stored.remove();
  pull.remove();
});

async function run() {
  runNumber += 1;
  const event = pull.event();
  const runId = String(9_000_000 + runNumber);
  const { conclusion, jobs } = await runWorkflow({
    workflow: join(REPOSITORY, ".github/workflows/pr.yml"),
    workspace: pull.workspace,
    isolated: true,
    event,
    repository: `${OWNER}/${REPO}`,
    apiUrl: github.url,
    issueToken: (permissions) => github.issueToken(ACTIONS_BOT, permissions),
    runNumber,
    actions: stored.forRun({ id: runId, repository: pull.workspace, sha: event.sha }),
    onJob: (job) => github.setJob(runId, job),
  });
  const job = (name: string) => jobs[`gitune / ${name}`]?.[0];
  return { conclusion, runId, plan: job("plan"), train: job("train"), gate: job("gate") };
}

describe("a pull request on machines of its own", { timeout: 600_000 }, () => {
  it("trains what changed, and says what it did to the model", async () => {
    const { conclusion, runId, plan, train, gate } = await run();
    assert.equal(conclusion, "success", `${plan?.log}${train?.log}${gate?.log}`);
    assert.deepEqual(JSON.parse(plan?.outputs["matrix"] ?? ""), { include: [{ id: 1, projects: "colours" }] });
    assert.ok(existsSync(join(stored.artifacts(runId), "gitune-report-1", "report.html")));
    assert.ok(readdirSync(join(stored.artifacts(runId), "gitune-store-1")).length > 0);
    const [comment] = await pull.comments();
    assert.match(comment?.body ?? "", /colours[\s\S]*exact_match/);
    assert.equal(github.checkRuns[0]?.conclusion, "success");
  });

  it("run again answers from the store, without a training job", async () => {
    const { conclusion, plan, train } = await run();
    assert.equal(conclusion, "success", plan?.log);
    assert.equal(plan?.outputs["matrix"], "");
    assert.equal(train?.conclusion, "skipped");
    assert.match((await pull.comments())[0]?.body ?? "", /exact_match/);
  });

  it("with another gate is judged anew by what is stored, and fails without a training job", async () => {
    pull.push({ [`${PROJECT}/gitune.yaml`]: config(NEVER) });
    const { conclusion, train, gate } = await run();
    assert.equal(conclusion, "failure");
    assert.equal(train?.conclusion, "skipped");
    assert.equal(gate?.annotations[0]?.properties["title"], "gitune: the gate says no");
    const comments = await pull.comments();
    assert.equal(comments.length, 1);
    assert.match(comments[0]?.body ?? "", /Earlier commits[\s\S]*~~✅ pass~~/);
  });
});
