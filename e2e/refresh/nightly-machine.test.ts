/**
 * Nights on a machine of one's own that fails: too small, killed, gone. The reusable workflow with the real action, CLI and
 * engine, on machines that share nothing but artifacts and the cache; each night is a run of its own.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { colorsConfig, colorsFiles, jsonl, RefreshRepository, row } from "../support/refresh-repository.js";
import { type ResultsServer, startResults } from "../support/results-server.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import { checkpointsIn, reached, signalWhen } from "../support/training-machine.js";
import { type JobResult, runWorkflow } from "../support/workflow-runner/run-workflow.js";

const [OWNER, REPO] = ["octo", "rows"];
const BRANCH = "gitune/refresh-colors";
const BASE = "models/gitune-tiny";
const STEPS = 40;
const goesOn = new RegExp(`going on from the checkpoint of step (\\d+) of ${STEPS}`, "g");

let github: GitHubServer;
let results: ResultsServer;
let action: ActionFolder;
let stored: StoredActions;
let repository: RefreshRepository;
let workflows: string;
let nights = 0;
/** Where the job that trains works. */
let workspace = "";
const counts: FaultCount[] = [];

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  results = await startResults();
  action = await makeActionFolder("real");
  stored = storedActions(action);
  workflows = mkdtempSync(join(tmpdir(), "gitune-night-"));
  const source =
    "    - { type: logs, name: answers, files: logs/*.jsonl, accept: { /vote: [up] }, map: { messages: /messages }, into: train/new.jsonl }";
  const recipe = colorsConfig(source)
    .replace("models/tiny", BASE)
    .replace("max_steps: 1", `max_steps: ${STEPS}\n  checkpoint_steps: 2`);
  const model = readdirSync(join(REPOSITORY, BASE)).map((name) => [
    `${BASE}/${name}`,
    readFileSync(join(REPOSITORY, BASE, name)),
  ]);
  repository = new RefreshRepository({
    ...colorsFiles(recipe),
    ...Object.fromEntries(model),
    "logs/1.jsonl": jsonl([{ ...row("colour of the sun?", "yellow"), vote: "up" }]),
  });
  repository.git("push", "--quiet", github.gitFolder(`${OWNER}/${REPO}`), "main");
});
after(async () => {
  await github.close();
  await results.close();
  action.remove();
  stored.remove();
  repository.remove();
  rmSync(workflows, { recursive: true, force: true });
});

interface Night {
  readonly job: JobResult;
  readonly artifacts: string;
}

/** @param inputs as YAML, after others */
async function night({
  inputs = "",
  lost,
}: {
  readonly inputs?: string;
  readonly lost?: AbortSignal;
} = {}): Promise<Night> {
  nights += 1;
  workspace = workflows;
  const runId = String(9_000_000 + nights);
  const workflow = join(workflows, "nightly.yml");
  writeFileSync(
    workflow,
    `name: nightly
on: { schedule: [{ cron: "17 3 * * *" }] }
permissions: {}
jobs:
  nightly:
    uses: ./.github/workflows/gitune-nightly.yml
    permissions: { actions: read, checks: write, contents: write, issues: write, pull-requests: write }
    with: { runner: '["self-hosted", "gpu"]', beat-seconds: 1, ${inputs} }
`,
  );
  results.folder = stored.artifacts(runId);
  mkdirSync(results.folder, { recursive: true });
  const sha = repository.git("rev-parse", "main");
  const { jobs } = await runWorkflow({
    workflow,
    workspace: workflows,
    isolated: true,
    event: { name: "schedule", payload: { schedule: "17 3 * * *" }, ref: "refs/heads/main", sha },
    repository: `${OWNER}/${REPO}`,
    apiUrl: github.url,
    issueToken: (permissions) => github.issueToken(ACTIONS_BOT, permissions),
    runNumber: nights,
    resolveWorkflow: (uses) => join(REPOSITORY, uses),
    actions: stored.forRun({ id: runId, repository: github.gitFolder(`${OWNER}/${REPO}`), sha }),
    nodeActionEnv: results.actionEnv,
    onRunner: (machine) => {
      if (machine.name.endsWith("refresh")) workspace = machine.workspace;
    },
    lost: (name) => (name.endsWith("refresh") ? lost : undefined),
  });
  const job = jobs["nightly / refresh"]?.[0];
  assert.ok(job);
  return { job, artifacts: results.folder };
}

const rest = () => getOctokit(github.issueToken(OWNER), { baseUrl: github.url }).rest;
const where = { owner: OWNER, repo: REPO };
const pulls = async () => (await rest().pulls.list({ ...where, state: "all" })).data;

/** The one issue. */
async function issue() {
  const all = (await rest().issues.listForRepo({ ...where, state: "all" })).data.filter((one) => !one.pull_request);
  assert.equal(all.length, 1);
  return { state: all[0]?.state, body: all[0]?.body ?? "" };
}

const store = () => join(workspace, ".gitune/store");
/** Checkpoints, the furthest first, by what they are called in every store. */
const namesIn = (folder: string) => checkpointsIn(folder).map((found) => relative(folder, found.folder));
const stepIn = (checkpoint: string | undefined): number => Number(/\d+$/.exec(checkpoint ?? "")?.[0]);
/** From where a job's trainings went on. */
const stepsOf = ({ log }: JobResult): readonly number[] => [...log.matchAll(goesOn)].map(([, step]) => Number(step));

describe("a night on a machine that fails", { timeout: 600_000 }, () => {
  it("too small: the issue says that it is the machine, no source is asked, and nothing is proposed", async () => {
    const { job, artifacts } = await night({ inputs: "min-disk: 1000000000" });
    assert.equal(job.conclusion, "failure", job.log);
    const titles = job.annotations.map(({ properties }) => properties["title"]);
    assert.ok(titles.includes("gitune: could not run") && !titles.includes("gitune: refresh"), titles.join());
    const { state, body } = await issue();
    assert.equal(state, "open");
    assert.match(body, /Could not run \(exit code 3; the gate has not spoken\): free disk: [^\n]*GITUNE\\_STORE/);
    assert.doesNotMatch(body, /gate says no/);
    assert.doesNotMatch(job.log, /reading answers/);
    assert.deepEqual([await pulls(), github.checkRuns], [[], []]);
    assert.ok(!readdirSync(artifacts, { recursive: true }).some((name) => String(name).includes("adapter")));
  });

  let killed: readonly string[] = [];
  it("killed while it trains: the same issue, and the checkpoint is kept", async () => {
    const running = night();
    await signalWhen(reached(4), { store, signal: "SIGKILL", running });
    const { job, artifacts } = await running;
    assert.equal(job.conclusion, "failure");
    const { state, body } = await issue();
    assert.equal(state, "open");
    assert.match(body, /Could not run[^\n]*ended with a signal/);
    assert.deepEqual(await pulls(), []);
    killed = namesIn(join(artifacts, "gitune-store-1"));
    assert.ok(killed.length > 0);
  });

  let lost: string | undefined;
  it("gone while it goes on: what its heartbeat had sent is kept", async () => {
    const machine = new AbortController();
    const running = night({ lost: machine.signal });
    // It stands still before it is gone, so that its heartbeat has the time to find the checkpoint on every machine.
    const isNew = (found: readonly string[]) => found.find((name) => !killed.includes(name));
    await signalWhen(() => isNew(namesIn(store())) !== undefined, { store, signal: "SIGSTOP", running });
    const sent = () =>
      readdirSync(results.folder)
        .filter((name) => name.includes("checkpoint"))
        .flatMap((name) => namesIn(join(results.folder, name)));
    while (isNew(sent()) === undefined) await sleep(20);
    lost = isNew(sent());
    machine.abort();
    const { job } = await running;
    assert.equal(job.conclusion, "failure");
    assert.deepEqual(stepsOf(job), [stepIn(killed[0])]);
  });

  it("the next night goes on from there, proposes, and closes the issue", async () => {
    const { job, artifacts } = await night();
    assert.equal(job.conclusion, "success", job.log);
    assert.ok(stepsOf(job).includes(stepIn(lost)), job.log);
    const [pull, ...others] = await pulls();
    assert.deepEqual([pull?.title, pull?.head.ref, others], ["Refresh colors", BRANCH, []]);
    assert.deepEqual(
      github.checkRuns.map(({ conclusion }) => conclusion),
      ["success"],
    );
    assert.equal((await issue()).state, "closed");
    const left = readdirSync(artifacts).filter((name) => /beat|checkpoint/.test(name));
    assert.deepEqual(left, [], "signs of life end with the job");
    for (const fault of ["a machine without free disk", "`kill -9` of the training process", "the runner is lost"])
      counts.push({ fault, injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });

  it("the night after has nothing new, and trains nothing", async () => {
    const { job, artifacts } = await night();
    assert.equal(job.conclusion, "success", job.log);
    assert.match(job.summary, /an earlier proposal waits/);
    const kept = readdirSync(artifacts, { recursive: true, encoding: "utf8" });
    assert.ok(!kept.some((name) => name.endsWith(".safetensors")), "nothing was trained");
    assert.deepEqual([(await pulls()).length, github.checkRuns.length], [1, 1]);
  });

  it("is counted in docs/reliability.md", () => checkFaultTable("nightly", counts));
});
