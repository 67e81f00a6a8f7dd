/**
 * The repository's own workflow files, the real CLI and engine, on machines that share nothing but artifacts and the
 * cache: what is trained once is answered by the plan from then on.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { ALWAYS, baseFiles, config, jsonl, NEVER, PROJECT, rows } from "../support/colours-project.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import { Transcript } from "../support/transcript.js";
import { runWorkflow } from "../support/workflow-runner/run-workflow.js";

let github: GitHubServer;
let action: ActionFolder;
let stored: StoredActions;
let pull: PullRequestFixture;
let runNumber = 0;
const transcript = new Transcript(
  "pull-request.md",
  `# A pull request, as it looks

What \`e2e/action/real-flow.test.ts\` left on a GitHub on loopback: the workflow files of this repository, with the real command line and
engine. Written by \`GITUNE_WRITE_DOCS=1 node scripts/test.mjs real-flow\`, not by hand. The project is trained for two steps on a base of
two layers with random weights, so nothing that it says is right.`,
);

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
    ...onPullRequest(github, pull, event),
    isolated: true,
    runNumber,
    actions: stored.forRun({ id: runId, repository: pull.workspace, sha: event.sha }),
    onJob: (job) => github.setJob(runId, job),
  });
  const job = (name: string) => jobs[`gitune / ${name}`]?.[0];
  return { conclusion, runId, plan: job("plan"), train: job("train"), gate: job("gate") };
}

/** Every text that the comment has had so far, oldest first. */
const bodies = () =>
  github.log
    .filter(({ method, path }) => (method === "POST" || method === "PATCH") && path.includes("/comments"))
    .map(({ json }) => String(json?.["body"]));
const lastBody = () => bodies().at(-1) ?? "";

describe("a pull request on machines of its own", { timeout: 600_000 }, () => {
  it("trains what changed, and says what it did to the model", async () => {
    const { conclusion, runId, plan, train, gate } = await run();
    assert.equal(conclusion, "success", `${plan?.log}${train?.log}${gate?.log}`);
    assert.deepEqual(JSON.parse(plan?.outputs["matrix"] ?? ""), { include: [{ id: 1, projects: "colours" }] });
    assert.ok(existsSync(join(stored.artifacts(runId), "gitune-report-1", "report.html")));
    assert.ok(readdirSync(join(stored.artifacts(runId), "gitune-store-1")).length > 0);
    const [comment] = await pull.comments();
    assert.match(comment?.body ?? "", /colours[\s\S]*exact_match/);
    const [check] = github.checkRuns;
    assert.equal(check?.conclusion, "success");
    assert.equal(github.sarifUploads.length, 1);
    const running = bodies().find((body) => body.includes("running since"));
    assert.ok(running, "the comment says how far it is");
    transcript.body("Queued", bodies()[0] ?? "", "Two rows are added. The comment, when the plan is known:");
    transcript.body("Running", running, "The same comment, updated while it trains:");
    transcript.body("Done: the gate says yes", comment?.body ?? "", "The same comment, with the result:");
    transcript.check("The check run of the pass", check);
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
    const check = github.checkRuns.at(-1);
    assert.ok(check);
    transcript.body(
      "Done: the gate says no",
      lastBody(),
      "A push asks for more than the model can do. The same comment:",
    );
    transcript.check("The check run of the fail", check);
  });

  it("with a broken row is annotated on its line, and trains nothing", async () => {
    pull.push({ [`${PROJECT}/train.jsonl`]: `${jsonl(rows(24))}{"prompt": \n` });
    const { conclusion, gate } = await run();
    assert.equal(conclusion, "failure");
    const check = github.checkRuns.at(-1);
    assert.equal(check?.annotations[0]?.["start_line"], 25);
    transcript.body("Done: a check says no", lastBody(), "A push breaks a row. The same comment:");
    transcript.check("The check run of the broken row, on its lines of the diff", check);
    const said = (gate?.annotations ?? []).map(
      ({ level, message, properties }) => `- ${level}: **${properties["title"]}** ${message}`,
    );
    transcript.say(`The job \`gate\` is red, and says:\n\n${said.join("\n")}`);
  });

  it("with a broken config has no verdict", async () => {
    pull.push({ [`${PROJECT}/gitune.yaml`]: config(ALWAYS).replace("max_steps", "max_stepps") });
    assert.equal((await run()).conclusion, "failure");
    const check = github.checkRuns.at(-1);
    assert.equal(check?.conclusion, "action_required");
    transcript.body("Done: no verdict", lastBody(), "A push has a typing error in `gitune.yaml`. The same comment:");
    transcript.check("The check run of the typing error", check);
  });

  it("is shown in docs/transcripts/pull-request.md", () => transcript.finish());
});
