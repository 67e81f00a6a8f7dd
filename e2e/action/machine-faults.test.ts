/**
 * A training job whose machine fails in every way: killed, out of time, too small, gone. The real action, CLI and engine
 * train the small base; whatever happens, the adapters that come out have the bytes of an undisturbed run.
 */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { sha256Hex } from "@gitune/core";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { ALWAYS, baseFiles, config, jsonl, PROJECT, rows } from "../support/colours-project.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type ResultsServer, startResults } from "../support/results-server.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import { checkpointsIn, filesIn, reached, signalWhen } from "../support/training-machine.js";
import { type JobResult, runWorkflow } from "../support/workflow-runner/run-workflow.js";

const BASE = "models/gitune-tiny";
const STEPS = 40;

let github: GitHubServer;
let results: ResultsServer;
let action: ActionFolder;
let stored: StoredActions;
let pull: PullRequestFixture;
let stores: string;
/** sha256 of the adapters of base and head, of a run that nothing disturbed. */
let undisturbed: readonly string[];
/** Of a run that was killed, before any other went on from it. */
let killed: string;
let runNumber = 0;
const counts: FaultCount[] = [];

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  results = await startResults();
  action = await makeActionFolder("real");
  stored = storedActions(action);
  stores = mkdtempSync(join(tmpdir(), "gitune-stores-"));
  const recipe = config(ALWAYS)
    .replace("models/tiny", BASE)
    .replace("max_steps: 2", `max_steps: ${STEPS}\n  checkpoint_steps: 2`);
  const model = readdirSync(join(REPOSITORY, BASE)).map((name) => [
    `${BASE}/${name}`,
    readFileSync(join(REPOSITORY, BASE, name)),
  ]);
  pull = await makePullRequest(github, {
    base: { ...baseFiles(), ...Object.fromEntries(model), [`${PROJECT}/gitune.yaml`]: recipe },
    head: { [`${PROJECT}/train.jsonl`]: jsonl(rows(26)) },
  });
  const store = freshStore();
  const job = await train(store);
  assert.equal(job.conclusion, "success", job.log);
  undisturbed = adaptersIn(store);
  assert.equal(undisturbed.length, 2);
});
after(async () => {
  await github.close();
  await results.close();
  action.remove();
  stored.remove();
  pull.remove();
  rmSync(stores, { recursive: true, force: true });
});

const freshStore = () => mkdtempSync(join(stores, "store-"));

/** One job with the sub-action `run`, on a machine whose store outlives it. @param inputs as YAML */
async function train(store: string, inputs = ""): Promise<JobResult> {
  runNumber += 1;
  const { jobs } = await runWorkflow({
    workflow: writeWorkflow(
      "train",
      `  train:
    runs-on: [self-hosted, gpu]
    steps:
      - uses: actions/checkout@v6
      - id: gitune
        uses: gitune/gitune/packages/action/run@v1
        with: { ${inputs} }
`,
    ),
    ...onPullRequest(github, pull),
    runNumber,
    env: { GITUNE_STORE: store },
    actions: {
      "actions/checkout": () => ({}),
      "actions/setup-node": () => ({}),
      "gitune/gitune/packages/action/run": join(action.dir, "run"),
    },
  });
  const job = jobs["train"]?.[0];
  assert.ok(job);
  return job;
}

function writeWorkflow(name: string, jobs: string): string {
  const path = join(pull.workspace, ".github/workflows", `${name}.yml`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `name: ${name}\non: pull_request\npermissions: {}\njobs:\n${jobs}`);
  return path;
}

interface Result {
  readonly verdict: string;
  readonly exit_code: number;
  readonly annotations: readonly { readonly code: string; readonly message: string; readonly fix?: string }[];
}

function resultOf(job: JobResult): Result {
  return JSON.parse(readFileSync(job.steps["gitune"]?.outputs["result-file"] ?? "", "utf8")) as Result;
}

function adaptersIn(folder: string): readonly string[] {
  return filesIn(folder)
    .filter((file) => /folders.*adapter_model\.safetensors$/.test(file))
    .map((file) => sha256Hex(readFileSync(file)))
    .sort();
}

async function trainAndKill(store: string, step: number): Promise<JobResult> {
  const running = train(store);
  await signalWhen(reached(step), { store: () => store, signal: "SIGKILL", running });
  return running;
}

const goesOn = new RegExp(`going on from the checkpoint of step (\\d+) of ${STEPS}`);

describe("a training whose process is killed", { timeout: 600_000 }, () => {
  it("is no verdict of the gate, and the next runs go on to the same bytes", async () => {
    const store = freshStore();
    const [first, ...later] = [4, 16, 30];
    const job = await trainAndKill(store, first ?? 0);
    const { verdict, exit_code: code, annotations } = resultOf(job);
    assert.deepEqual([job.conclusion, verdict, code], ["failure", "error", 3]);
    assert.match(annotations[0]?.message ?? "", /ended by SIGKILL/);
    const titles = job.annotations.map(({ properties }) => properties["title"]);
    assert.ok(titles.includes("gitune: could not run") && !titles.includes("gitune: the gate says no"));
    killed = freshStore();
    cpSync(store, killed, { recursive: true });
    for (const step of later) assert.match((await trainAndKill(store, step)).log, goesOn);
    const last = await train(store);
    assert.equal(last.conclusion, "success", last.log);
    assert.match(last.log, goesOn);
    assert.deepEqual(adaptersIn(store), undisturbed);
    assert.deepEqual(checkpointsIn(store), [], "nothing is left of what is done");
    counts.push({ fault: "`kill -9` of the training process", injected: 3, sameRun: 0, nextRun: 3, refused: 0 });
  });
});

describe("a training that is out of time", { timeout: 600_000 }, () => {
  it("stops with a checkpoint, says so with exit code 3, and goes on in the next run", async () => {
    const store = freshStore();
    let stopped = 0;
    // Each job has four times the time of the one before: the first ends on no machine, the last on every one.
    for (let minutes = 0.02; ; minutes *= 4) {
      const job = await train(store, `timeout-minutes: ${minutes}`);
      if (job.conclusion === "success") break;
      const { verdict, exit_code: code, annotations } = resultOf(job);
      assert.deepEqual([verdict, code, annotations[0]?.code], ["error", 3, "run.time-limit"], job.log);
      const step = /after step (\d+) of/.exec(annotations[0]?.message ?? "")?.[1];
      if (step !== undefined) assert.equal(checkpointsIn(store)[0]?.step, Number(step));
      stopped += 1;
    }
    assert.ok(stopped > 0);
    assert.deepEqual(adaptersIn(store), undisturbed);
    counts.push({ fault: "the job's time is up", injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });
});

describe("a machine that lacks something", { timeout: 600_000 }, () => {
  const cases = [
    ["free disk", "min-disk: 1000000000", /^free disk: .*1000000000\.0 GiB/, /GITUNE_STORE/],
    ["free memory", "min-memory: 1000000000", /^free memory of cpu: .*1000000000\.0 GiB/, /end other programs/],
    ["the GPU's driver", "device: cuda", /^device cuda: /, /NVIDIA's driver|ONNXRUNTIME_NODE_INSTALL/],
  ] as const;
  for (const [what, inputs, said, fix] of cases) {
    it(`without ${what} is refused with exit code 3 and what mends it, before anything is trained`, async () => {
      const store = freshStore();
      const job = await train(store, inputs);
      const { verdict, exit_code: code, annotations } = resultOf(job);
      assert.deepEqual([verdict, code], ["error", 3], job.log);
      const issue = annotations.find(({ message }) => said.test(message));
      assert.equal(issue?.code, "machine.missing");
      assert.match(issue?.fix ?? "", fix);
      assert.deepEqual(filesIn(store), []);
      counts.push({ fault: `a machine without ${what}`, injected: 1, sameRun: 0, nextRun: 0, refused: 1 });
    });
  }
});

describe("a checkpoint that is not what it should be", { timeout: 600_000 }, () => {
  const changeState = (folder: string, change: (state: Record<string, unknown>) => object) => {
    const path = join(folder, "state.json");
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>)));
  };
  const cases = [
    ["a checkpoint cut short", (folder: string) => truncateSync(join(folder, "state.safetensors"), 100), /damaged/],
    [
      "a checkpoint of another training",
      (folder: string) => changeState(folder, (state) => ({ ...state, configSha256: "0".repeat(64) })),
      /would mix two runs: starting at step 1/,
    ],
    [
      "a poisoned checkpoint, its own hash right",
      (folder: string) => {
        const path = join(folder, "state.safetensors");
        const bytes = readFileSync(path);
        bytes.writeFloatLE(Number.NaN, bytes.length - 4);
        writeFileSync(path, bytes);
        changeState(folder, (state) => ({ ...state, weightsSha256: sha256Hex(bytes) }));
      },
      /damaged and was skipped: a vector has values that are no numbers/,
    ],
  ] as const;
  for (const [what, damage, said] of cases) {
    it(`${what} is refused, and the adapter is right all the same`, async () => {
      const store = freshStore();
      cpSync(killed, store, { recursive: true });
      const newest = checkpointsIn(store)[0];
      assert.ok(newest);
      damage(newest.folder);
      const job = await train(store);
      assert.equal(job.conclusion, "success", job.log);
      assert.match(job.log, said);
      assert.deepEqual(adaptersIn(store), undisturbed);
      counts.push({ fault: what, injected: 1, sameRun: 1, nextRun: 0, refused: 0 });
    });
  }
});

describe("a runner that is lost", { timeout: 600_000 }, () => {
  /** Where the training job works. */
  let workspace = "";

  /** The reusable workflow, on machines that share nothing but artifacts and the cache. */
  async function flow(attempt: number, lost?: AbortSignal) {
    const runId = String(9_000_000 + runNumber);
    const event = pull.event();
    results.folder = stored.artifacts(runId);
    github.setArtifacts(runId, results.folder);
    const { jobs } = await runWorkflow({
      workflow: writeWorkflow(
        "gitune",
        `  gitune:
    uses: ./.github/workflows/gitune-pr.yml
    permissions: { actions: read, checks: write, contents: read, pull-requests: write }
    with: { runner: '["self-hosted", "gpu"]', beat-seconds: 1, progress-seconds: 1 }
`,
      ),
      ...onPullRequest(github, pull, event),
      isolated: true,
      runNumber,
      runAttempt: attempt,
      resolveWorkflow: (uses) => join(REPOSITORY, uses),
      actions: stored.forRun({ id: runId, repository: pull.workspace, sha: event.sha }),
      nodeActionEnv: results.actionEnv,
      onJob: (job) => github.setJob(runId, job),
      onRunner(job) {
        if (job.name.endsWith("train 1")) workspace = job.workspace;
      },
      lost: (name) => (name.endsWith("train 1") ? lost : undefined),
    });
    const job = (name: string) => jobs[`gitune / ${name}`]?.[0];
    return { artifacts: results.folder, train: job("train"), gate: job("gate") };
  }

  it("is told from a gate that says no, and a run of the failed jobs goes on from what it had sent", async () => {
    github.calm();
    runNumber += 1;
    const machine = new AbortController();
    results.onArtifact = (name) => {
      if (name.includes("checkpoint")) machine.abort();
    };
    // It stands still before it is gone, so that its heartbeat has the time to find the checkpoint on every machine.
    const running = flow(1, machine.signal);
    await signalWhen(reached(4), { store: () => join(workspace, ".gitune/store"), signal: "SIGSTOP", running });
    const first = await running;
    assert.equal(first.train?.conclusion, "failure");
    assert.ok(!existsSync(join(first.artifacts, "gitune-result-1")), "nothing ran after it was lost");
    assert.equal(first.gate?.annotations[0]?.properties["title"], "gitune: could not run", first.gate?.log);
    assert.equal(first.gate?.outputs["verdict"], "error");
    assert.equal(github.checkRuns[0]?.conclusion, "cancelled");
    const [comment] = await pull.comments();
    assert.match(
      comment?.body ?? "",
      /colours: its machine was lost in the step "Run"; last sign of life \d\d:\d\d UTC; the checkpoint of \d\d:\d\d UTC is kept/,
    );

    results.onArtifact = () => {};
    const second = await flow(2);
    assert.equal(second.train?.conclusion, "success", second.train?.log);
    assert.match(second.train?.log ?? "", goesOn);
    assert.deepEqual(adaptersIn(join(second.artifacts, "gitune-store-1")), undisturbed);
    assert.equal(second.gate?.outputs["verdict"], "pass", second.gate?.log);
    const left = readdirSync(second.artifacts).filter((name) => /beat|checkpoint/.test(name));
    assert.deepEqual(left, [], "signs of life end with the job");
    counts.push({ fault: "the runner is lost", injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });
});

describe("docs/reliability.md", () => {
  it("has these counts", () => checkFaultTable("training", counts));
});
