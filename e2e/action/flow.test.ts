/**
 * The flow of a pull request by the repository's own workflow files: plan, training jobs, gate, report, and the comment
 * on a fork. The CLI's place is taken by a program that answers what a test needs; `pipeline.test.ts` runs the real one.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import type { Permissions } from "../support/github-server/tokens.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import type { Json } from "../support/workflow-runner/expressions.js";
import { runWorkflow, type WorkflowResult } from "../support/workflow-runner/run-workflow.js";
import type { WorkflowEvent } from "../support/workflow-runner/triggers.js";

/** Answers a verb, or `run` of certain projects, as `scenario.json` says. */
const SCRIPTED_CLI = `
import { readFileSync } from "node:fs";
const [verb, ...rest] = process.argv.slice(2);
const projects = rest.slice(0, rest.indexOf("--json")).join(",");
const scenario = JSON.parse(readFileSync("scenario.json", "utf8"));
const { answer, exitCode = 0 } = scenario[verb + " " + projects] ?? scenario[verb] ?? { answer: {} };
process.stdout.write(JSON.stringify(answer), () => process.exit(exitCode));
`;

interface Answer {
  readonly answer: unknown;
  readonly exitCode?: number;
}
type Scenario = Readonly<Record<string, Answer>>;

const project = (name: string, verdict = "pass", status = "changed") => ({ name, verdict, status, comparison: null });
const answer = (projects: readonly ReturnType<typeof project>[], more: object = {}): Answer => {
  const isFail = projects.some(({ verdict }) => verdict === "fail");
  const verdict = isFail ? "fail" : "pass";
  const comment = `## report of ${projects.map(({ name }) => name).join(", ")}`;
  return { answer: { version: 1, verdict, projects, comment, ...more }, exitCode: isFail ? 1 : 0 };
};
const failure = (exitCode: number, message: string): Answer => ({
  answer: { version: 1, ok: false, issues: [{ code: "a.b", severity: "error", message }] },
  exitCode,
});
/** Two projects to train, one that is not. */
const TWO: Scenario = {
  plan: answer([project("still", "pass", "unchanged")], { pending: ["a", "b"] }),
  "run a": answer([project("a")]),
  "run b": answer([project("b")]),
};

let github: GitHubServer;
let action: ActionFolder;
let stored: StoredActions;
let pull: PullRequestFixture;
/** Where the workflow files of users are. */
let callers: string;
let runNumber = 0;

before(async () => {
  callers = mkdtempSync(join(tmpdir(), "gitune-callers-"));
  github = await startGitHub({ users: [OWNER, "guest"], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder({ source: SCRIPTED_CLI });
  stored = storedActions(action);
});
after(async () => {
  await github.close();
  action.remove();
  stored.remove();
  rmSync(callers, { recursive: true, force: true });
});
beforeEach(() => github.calm());
afterEach(() => pull.remove());

async function open(scenario: Scenario): Promise<void> {
  pull = await makePullRequest(github, { base: { a: "1" }, head: { "scenario.json": JSON.stringify(scenario) } });
}

interface Call {
  readonly workflow?: string;
  readonly event?: WorkflowEvent;
  readonly runNumber?: number;
  readonly onJob?: (name: string, status: string) => void;
}

interface Flow extends WorkflowResult {
  readonly runId: string;
  /** What each job's token may do. */
  readonly granted: readonly Permissions[];
  readonly machines: Readonly<Record<string, { readonly runsOn: Json; readonly environment: Json }>>;
}

async function run(call: Call = {}): Promise<Flow> {
  runNumber += 1;
  const number = call.runNumber ?? runNumber;
  const event = call.event ?? pull.event();
  const runId = String(9_000_000 + number);
  const granted: Permissions[] = [];
  const machines: Record<string, { runsOn: Json; environment: Json }> = {};
  const result = await runWorkflow({
    workflow: call.workflow ?? callerWith(""),
    workspace: pull.workspace,
    isolated: true,
    event,
    repository: `${OWNER}/${REPO}`,
    apiUrl: github.url,
    issueToken(permissions) {
      granted.push(permissions);
      return github.issueToken(ACTIONS_BOT, permissions);
    },
    runNumber: number,
    resolveWorkflow: (uses) => join(REPOSITORY, uses),
    actions: stored.forRun({ id: runId, repository: pull.workspace, sha: event.sha }),
    onJob(job) {
      github.setJob(runId, job);
      call.onJob?.(job.name, job.status);
    },
    onRunner({ name, runsOn, environment }) {
      machines[name] = { runsOn, environment };
    },
  });
  return { ...result, runId, granted, machines };
}

const jobOf = (flow: WorkflowResult, name: string) => flow.jobs[`gitune / ${name}`]?.[0];
const gateTitles = (flow: WorkflowResult) =>
  (jobOf(flow, "gate")?.annotations ?? []).map(({ properties }) => properties["title"] ?? "");

async function onlyComment(): Promise<string> {
  const comments = await pull.comments();
  assert.equal(comments.length, 1);
  return comments[0]?.body ?? "";
}

/** A workflow of a user's, which calls ours with other inputs. */
function callerWith(
  inputs: string,
  permissions = "actions: read, checks: write, contents: read, pull-requests: write",
) {
  const dir = join(callers, ".github/workflows");
  mkdirSync(dir, { recursive: true });
  const text = `name: gitune
on: pull_request
permissions: {}
jobs:
  gitune:
    uses: ./.github/workflows/gitune-pr.yml
    permissions: { ${permissions} }
    with: { progress-seconds: 1${inputs === "" ? "" : `, ${inputs}`} }
`;
  const path = join(dir, "caller.yml");
  writeFileSync(path, text);
  return path;
}

describe("a pull request of the repository's own", () => {
  it("is planned, trained in a job a project, gated, and commented on, with no right where its content is read", async () => {
    await open(TWO);
    const flow = await run({ workflow: join(REPOSITORY, ".github/workflows/pr.yml") });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.jobs["gitune / train"]?.length, 2);
    const written = github.log.filter(({ method, path }) => method !== "GET" && path.includes("comments"));
    assert.equal(written[0]?.method, "POST", "the progress says first that it is queued");
    assert.ok(written.length > 1 && written.slice(1).every(({ method }) => method === "PATCH"));
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "pass");
    const body = await onlyComment();
    assert.match(
      body,
      /gitune: ✅ pass[\s\S]*\| a \| ✅ pass[\s\S]*\| b \| ✅ pass[\s\S]*report of a[\s\S]*report of b/,
    );
    assert.doesNotMatch(body, /still/);
    assert.match(jobOf(flow, "gate")?.summary ?? "", /report of b/);
    assert.deepEqual(
      github.checkRuns.map(({ name, conclusion, headSha }) => [name, conclusion, headSha]),
      [["gitune", "success", pull.headSha]],
    );
    const writers = flow.granted.filter((rights) => Object.values(rights).includes("write"));
    const caller = writers[0];
    assert.deepEqual(writers.slice(1), [
      { actions: "read", contents: "read", "pull-requests": "write" },
      { checks: "write", contents: "read", "pull-requests": "write" },
      // Of the job that sends the issues to code scanning.
      { actions: "read", checks: "write", contents: "read", "pull-requests": "write", "security-events": "write" },
    ]);
    assert.deepEqual(writers[3], caller);
  });

  const issues = ["error", "warning"].map((severity, i) => ({
    code: "row.enum",
    severity,
    file: "datasets/a/train.jsonl",
    line: i + 1,
    message: `issue ${i}`,
  }));
  const WITH_ISSUES: Scenario = { plan: answer([project("a", "fail")], { issues }) };
  const SCANNING = "actions: read, checks: write, contents: read, pull-requests: write, security-events: write";

  it("has its issues in code scanning, at the commit that was checked", async () => {
    await open(WITH_ISSUES);
    const event = pull.event();
    const flow = await run({ workflow: callerWith("code-scanning: true", SCANNING), event });
    assert.deepEqual(jobOf(flow, "code-scanning")?.annotations, []);
    const [upload, ...others] = github.sarifUploads;
    assert.deepEqual([upload?.commit, upload?.ref, others], [event.sha, event.ref, []]);
    assert.equal(upload?.document.runs[0]?.results.length, issues.length);
  });

  it("is told which permission code scanning needs, and has its verdict all the same", async () => {
    await open(WITH_ISSUES);
    const flow = await run({ workflow: callerWith("code-scanning: true") });
    const job = jobOf(flow, "code-scanning");
    assert.equal(job?.conclusion, "success", job?.log);
    assert.match(job?.annotations.at(-1)?.message ?? "", /It needs `security-events: write`/);
    assert.deepEqual([github.sarifUploads, github.checkRuns[0]?.conclusion], [[], "failure"]);
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "fail");
  });

  it("that changes a workflow says so above its verdict", async () => {
    await open({ plan: answer([project("a")]) });
    pull.push({ ".github/workflows/g_@octo.yml": "on: push" });
    await run();
    const body = await onlyComment();
    assert.match(
      body,
      /^<!--[^\n]*\n> \[!CAUTION\]\n> This pull request changes [^\n]*g\\_@\u200bocto\.yml: its own workflow/,
    );
    assert.match(body, /report of a/);
    assert.equal(github.checkRuns[0]?.conclusion, "success", "whoever may push may change a workflow");
  });

  it("with nothing to train needs no training job, and the gate reports all the same", async () => {
    await open({ plan: answer([project("a", "pass"), project("b", "pass", "unchanged")]) });
    const flow = await run();
    assert.equal(flow.jobs["gitune / train"]?.[0]?.conclusion, "skipped");
    assert.equal(flow.jobs["gitune / progress"]?.[0]?.conclusion, "skipped");
    assert.equal(jobOf(flow, "gate")?.conclusion, "success");
    assert.match(await onlyComment(), /report of a/);
  });

  it("that fails in one project is red by the gate's word, and the other is still trained", async () => {
    await open({ ...TWO, "run a": answer([project("a", "fail")]) });
    const flow = await run();
    assert.equal(flow.conclusion, "failure");
    assert.deepEqual(gateTitles(flow), ["gitune: a check says no"]);
    assert.match(await onlyComment(), /❌ fail[\s\S]*\| a \| ❌ fail[\s\S]*\| b \| ✅ pass/);
    assert.equal(github.checkRuns[0]?.conclusion, "failure");
  });

  it("whose machine fails is red, but not by the gate's word", async () => {
    await open({ ...TWO, "run b": failure(3, "out of memory") });
    const flow = await run();
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "error");
    assert.deepEqual(gateTitles(flow), ["gitune: could not run"]);
    const body = await onlyComment();
    assert.match(body, /🛑 no verdict[\s\S]*out of memory[\s\S]*report of a/);
    assert.doesNotMatch(body, /left no result/);
    assert.equal(github.checkRuns[0]?.conclusion, "cancelled");
  });

  it("whose config is wrong is bad input, and trains nothing", async () => {
    await open({ plan: failure(2, "unknown key") });
    const flow = await run();
    assert.deepEqual(gateTitles(flow), ["gitune: bad input"]);
    assert.equal(flow.jobs["gitune / train"]?.[0]?.conclusion, "skipped");
    assert.equal(github.checkRuns[0]?.conclusion, "action_required");
  });

  it("is not taken for green where a job says nothing of its project", async () => {
    await open({ ...TWO, "run b": answer([project("a")]) });
    const flow = await run();
    assert.deepEqual(gateTitles(flow), ["gitune: could not run"]);
    assert.match(await onlyComment(), /b: its job left no result/);
  });

  it("with 300 projects shares jobs, and fits them into one comment", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `p${i}`);
    const legs = [0, 1, 2].map((leg) => names.slice(leg * 100, leg * 100 + 100));
    await open({
      plan: answer([], { pending: names }),
      ...Object.fromEntries(legs.map((leg) => [`run ${leg.join(",")}`, answer(leg.map((name) => project(name)))])),
    });
    const flow = await run({ workflow: callerWith("max-jobs: 3") });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.jobs["gitune / train"]?.length, 3);
    assert.match(await onlyComment(), /and 200 more/);
  });

  it("that is pushed to meanwhile keeps the newer word, whoever ends last", async () => {
    await open(TWO);
    const old = pull.event();
    const [oldNumber, newNumber] = [runNumber + 1, runNumber + 2];
    let newer: Promise<Flow> | undefined;
    await run({
      event: old,
      runNumber: oldNumber,
      onJob(name, status) {
        if (newer || !name.includes("train") || status !== "in_progress") return;
        pull.push({ "scenario.json": JSON.stringify({ plan: answer([project("new")]) }) });
        newer = run({ runNumber: newNumber });
      },
    });
    await newer;
    runNumber = newNumber;
    const body = await onlyComment();
    assert.match(body, /report of new/);
    assert.ok(body.includes(`commit=${pull.headSha}`));
  });

  it("that is force-pushed meanwhile, and back again, always ends with the word on its head", async () => {
    await open(TWO);
    const first = pull.headSha;
    const old = pull.event();
    const [oldNumber, newNumber] = [runNumber + 1, runNumber + 2];
    let newer: Promise<Flow> | undefined;
    await run({
      event: old,
      runNumber: oldNumber,
      onJob(name, status) {
        if (newer || !name.includes("train") || status !== "in_progress") return;
        pull.forcePush({ "scenario.json": JSON.stringify({ plan: answer([project("rewritten")]) }) });
        newer = run({ runNumber: newNumber });
      },
    });
    await newer;
    runNumber = newNumber;
    assert.match(await onlyComment(), /report of rewritten/);
    pull.forcePush(first);
    await run();
    const body = await onlyComment();
    assert.ok(body.includes(`commit=${first}`));
    assert.match(body, /report of a[\s\S]*Earlier commits/);
    assert.equal(github.checkRuns.filter(({ status }) => status !== "completed").length, 0);
  });

  it("with two runs at once of one commit has one comment, of the later run", async () => {
    await open(TWO);
    const [one, two] = [runNumber + 1, runNumber + 2];
    const flows = await Promise.all([one, two].map((number) => run({ runNumber: number, event: pull.event() })));
    runNumber = two;
    assert.deepEqual(
      flows.map(({ conclusion }) => conclusion),
      ["success", "success"],
    );
    assert.match(await onlyComment(), new RegExp(`^<!-- gitune:comment [^>]*run=${two} `));
    assert.equal(github.checkRuns.length, 2);
  });

  it("is not started where the caller gives less than the jobs ask for", async () => {
    await open(TWO);
    await assert.rejects(
      run({ workflow: callerWith("", "contents: read") }),
      /requesting '[\w-]+: \w+', but is only allowed/,
    );
  });
});

describe("a fork's pull request", () => {
  const forkEvent = (isPrivate: boolean): WorkflowEvent => {
    const event = pull.event({ isFork: true });
    return { ...event, payload: { ...event.payload, repository: { private: isPrivate } } };
  };
  const finished = (flow: Flow): WorkflowEvent => ({
    name: "workflow_run",
    ref: "refs/heads/main",
    sha: pull.baseSha,
    payload: {
      action: "completed",
      workflow_run: {
        id: Number(flow.runId),
        event: "pull_request",
        path: ".github/workflows/pr.yml",
        run_number: Number(flow.runId) - 9_000_000,
        run_attempt: 1,
        head_sha: pull.headSha,
        head_branch: "change",
        head_repository: { full_name: `guest/${REPO}` },
      },
    },
  });
  const commentOn = (flow: Flow) =>
    run({ workflow: join(REPOSITORY, ".github/workflows/fork-comment.yml"), event: finished(flow) });

  it("gets its verdict with a token that can only read, and its comment from a run of the default branch", async () => {
    await open(TWO);
    const flow = await run({ event: forkEvent(false) });
    assert.equal(flow.conclusion, "success", jobOf(flow, "report")?.log);
    assert.ok(flow.granted.every((rights) => !Object.values(rights).includes("write")));
    assert.deepEqual([await pull.comments(), github.checkRuns], [[], []]);
    assert.match(jobOf(flow, "report")?.annotations[0]?.message ?? "", /from a fork/);

    const commented = await commentOn(flow);
    assert.equal(commented.conclusion, "success");
    const body = await onlyComment();
    assert.match(body, /report of a/);
    assert.ok(body.includes(`commit=${pull.headSha}`));
    assert.equal(github.checkRuns[0]?.conclusion, "success");
  });

  it("is not commented on where its head has moved on, or its verdict is not one", async () => {
    await open(TWO);
    const flow = await run({ event: forkEvent(false) });
    const before = finished(flow);
    pull.push({ a: "another" });
    pull.event({ isFork: true });
    await run({ workflow: join(REPOSITORY, ".github/workflows/fork-comment.yml"), event: before });
    assert.deepEqual(await pull.comments(), []);

    const verdict = join(stored.artifacts(flow.runId), "gitune-verdict");
    for (const name of readdirSync(verdict)) writeFileSync(join(verdict, name), '{"version":1,"comment":"@octo"}');
    const refused = await commentOn(flow);
    assert.equal(refused.conclusion, "failure");
    assert.deepEqual(await pull.comments(), []);
  });

  it("that changes a workflow has made its verdict itself: it is no success, and the comment warns", async () => {
    await open({ plan: answer([project("a")]) });
    pull.push({ ".github/workflows/pr.yml": "on: pull_request" });
    const flow = await run({ event: forkEvent(false) });
    await commentOn(flow);
    assert.match(await onlyComment(), /CAUTION\]\n> This pull request changes \.github\/workflows\/pr\.yml/);
    const [check] = github.checkRuns;
    assert.deepEqual([check?.conclusion, check?.title], ["action_required", "Changes a workflow: look at that first"]);
  });

  it("that changes more files than GitHub lists is held for one that changes a workflow", async () => {
    await open({ plan: answer([project("a")]) });
    pull.push(Object.fromEntries(Array.from({ length: 301 }, (_, i) => [`datasets/many/${i}.jsonl`, "{}\n"])));
    await commentOn(await run({ event: forkEvent(false) }));
    assert.match(await onlyComment(), /more files than GitHub lists/);
    assert.equal(github.checkRuns[0]?.conclusion, "action_required");
  });

  const LABEL = "gitune: run";
  const GITHUBS = { runsOn: ["ubuntu-latest"], environment: "" };
  const OURS = { runsOn: ["self-hosted"], environment: "" };
  /** Where the training job runs, and why. */
  async function machineOf(event: WorkflowEvent, approvals: string) {
    const inputs = `runner: '["self-hosted"]', comment-mode: "off", ${approvals}`;
    const flow = await run({ workflow: callerWith(inputs), event });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.machines["gitune / plan"]?.runsOn, "ubuntu-latest");
    const said = jobOf(flow, "approve")?.annotations[0]?.message ?? "";
    return { machine: flow.machines["gitune / train 1"], said };
  }
  const labeled = (by: string, name = LABEL): WorkflowEvent => {
    const event = pull.event({ isFork: true, label: { name, by } });
    return { ...event, payload: { ...event.payload, repository: { private: true } } };
  };
  const openFork = () => open({ ...TWO, plan: answer([], { pending: ["a"] }) });

  for (const [isPrivate, environment, machine, approval] of [
    [false, "gpu", "ubuntu-latest", ""],
    [true, "", "ubuntu-latest", ""],
    [true, "gpu", "self-hosted", "gpu"],
  ] as const) {
    const where = isPrivate ? "private" : "public";
    it(`of a ${where} repository ${environment ? "with" : "without"} reviewers trains on ${machine}`, async () => {
      await openFork();
      const found = await machineOf(forkEvent(isPrivate), `fork-environment: "${environment}"`);
      assert.deepEqual(found.machine, { runsOn: [machine], environment: approval });
    });
  }

  it("is approved by a label for the commit that it was put on, and for none that is pushed after it", async () => {
    await openFork();
    const inputs = `fork-label: "${LABEL}"`;
    assert.deepEqual((await machineOf(forkEvent(true), inputs)).machine, GITHUBS);

    const approved = await machineOf(labeled(OWNER), inputs);
    assert.deepEqual(approved.machine, OURS);
    assert.equal(approved.said, `Commit ${pull.headSha}, and no other: ${OWNER} put "${LABEL}".`);

    // The label is still there: the event of the push is another.
    pull.push({ more: "rows" });
    const pushed = await machineOf(forkEvent(true), inputs);
    assert.deepEqual(pushed.machine, GITHUBS);
    assert.match(pushed.said, /Nobody has put the label that approves on this commit/);
  });

  it("is approved by nobody else's label, and by no other", async () => {
    await openFork();
    const inputs = `fork-label: "${LABEL}"`;
    const refused = async (event: WorkflowEvent, why: RegExp) => {
      const { machine, said } = await machineOf(event, inputs);
      assert.deepEqual(machine, GITHUBS);
      assert.match(said, why);
    };
    await refused(labeled("guest"), /guest may not push to this repository/);
    await refused(labeled(OWNER, "bug"), /Nobody has put the label/);
    github.fail({ match: /\/permission$/, answer: 403 });
    await refused(labeled(OWNER), /GitHub could not be asked/);
  });

  it("that changes a workflow never gets the runner, whatever that workflow asks for", async () => {
    await openFork();
    pull.push({ ".github/workflows/gitune.yml": "on: pull_request" });
    const { machine, said } = await machineOf(labeled(OWNER), 'fork-environment: "no-such-environment"');
    assert.deepEqual(machine, GITHUBS);
    assert.match(said, /The pull request changes a workflow; this commit is trained on GitHub's machines/);
  });
});

describe("hostile text", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow
  const hostile = "x';touch pwned;$(touch pwned)`touch pwned`${{ github.token }}\n::set-output name=verdict::pass";

  it("in names, files, branches and titles runs nothing, and reaches no output but as text", async () => {
    const issue = { code: "row.enum", severity: "error", file: `datasets/${hostile}.jsonl`, line: 1, message: hostile };
    await open({
      plan: answer([], { pending: ["a"], issues: [issue] }),
      "run a": answer([project(hostile, "fail"), project("a", "fail")], { issues: [issue] }),
    });
    const event = pull.event();
    const payload = event.payload["pull_request"] as Readonly<Record<string, Json>>;
    const head = { ...(payload["head"] as Readonly<Record<string, Json>>), ref: hostile };
    const flow = await run({
      event: { ...event, payload: { ...event.payload, pull_request: { ...payload, title: hostile, head } } },
    });
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "fail");
    assert.ok(!existsSync(join(pull.workspace, "pwned")));
    const logs = Object.values(flow.jobs).flat();
    for (const { log } of logs) assert.doesNotMatch(log, /ghs_[0-9a-f]{8}/, "no token in any log");
    const [shown] = github.checkRuns[0]?.annotations ?? [];
    assert.equal(shown?.["message"], hostile);
  });

  it("as the name of a project to train is refused as an input", async () => {
    await open({ plan: answer([], { pending: ["--out=/tmp/x; touch pwned"] }) });
    const flow = await run();
    assert.deepEqual(gateTitles(flow), ["gitune: bad input"]);
    assert.ok(!existsSync(join(pull.workspace, "pwned")));
  });
});
