/** The flow of a pull request of the repository's own: plan, training jobs, gate, report. `pipeline.test.ts` runs the real CLI. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import {
  type Answer,
  answer,
  type Flow,
  gateTitles,
  jobOf,
  project,
  type Scenario,
  ScriptedFlows,
  TWO,
} from "../support/scripted-flow.js";
import type { Json } from "../support/workflow-runner/expressions.js";

const flows = new ScriptedFlows();

const failure = (exitCode: number, message: string): Answer => ({
  answer: { version: 1, ok: false, issues: [{ code: "a.b", severity: "error", message }] },
  exitCode,
});

describe("a pull request of the repository's own", () => {
  it("is planned, trained in a job a project, gated, and commented on, with no right where its content is read", async () => {
    await flows.open(TWO);
    const flow = await flows.run({ workflow: join(REPOSITORY, ".github/workflows/pr.yml") });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.jobs["gitune / train"]?.length, 2);
    const written = flows.github.log.filter(({ method, path }) => method !== "GET" && path.includes("comments"));
    assert.equal(written[0]?.method, "POST", "the progress says first that it is queued");
    assert.ok(written.length > 1 && written.slice(1).every(({ method }) => method === "PATCH"));
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "pass");
    const body = await flows.onlyComment();
    assert.match(
      body,
      /gitune: ✅ pass[\s\S]*\| a \| ✅ pass[\s\S]*\| b \| ✅ pass[\s\S]*report of a[\s\S]*report of b/,
    );
    assert.doesNotMatch(body, /still/);
    assert.match(jobOf(flow, "gate")?.summary ?? "", /report of b/);
    assert.deepEqual(
      flows.github.checkRuns.map(({ name, conclusion, headSha }) => [name, conclusion, headSha]),
      [["gitune", "success", flows.pull.headSha]],
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
    await flows.open(WITH_ISSUES);
    const event = flows.pull.event();
    const flow = await flows.run({ workflow: flows.callerWith("code-scanning: true", SCANNING), event });
    assert.deepEqual(jobOf(flow, "code-scanning")?.annotations, []);
    const [upload, ...others] = flows.github.sarifUploads;
    assert.deepEqual([upload?.commit, upload?.ref, others], [event.sha, event.ref, []]);
    assert.equal(upload?.document.runs[0]?.results.length, issues.length);
  });

  it("is told which permission code scanning needs, and has its verdict all the same", async () => {
    await flows.open(WITH_ISSUES);
    const flow = await flows.run({ workflow: flows.callerWith("code-scanning: true") });
    const job = jobOf(flow, "code-scanning");
    assert.equal(job?.conclusion, "success", job?.log);
    assert.match(job?.annotations.at(-1)?.message ?? "", /It needs `security-events: write`/);
    assert.deepEqual([flows.github.sarifUploads, flows.github.checkRuns[0]?.conclusion], [[], "failure"]);
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "fail");
  });

  it("that changes a workflow says so above its verdict", async () => {
    await flows.open({ plan: answer([project("a")]) });
    flows.pull.push({ ".github/workflows/g_@octo.yml": "on: push" });
    await flows.run();
    const body = await flows.onlyComment();
    assert.match(
      body,
      /^<!--[^\n]*\n> \[!CAUTION\]\n> This pull request changes [^\n]*g\\_@\u200bocto\.yml: its own workflow/,
    );
    assert.match(body, /report of a/);
    assert.equal(flows.github.checkRuns[0]?.conclusion, "success", "whoever may push may change a workflow");
  });

  it("with nothing to train needs no training job, and the gate reports all the same", async () => {
    await flows.open({ plan: answer([project("a", "pass"), project("b", "pass", "unchanged")]) });
    const flow = await flows.run();
    assert.equal(flow.jobs["gitune / train"]?.[0]?.conclusion, "skipped");
    assert.equal(flow.jobs["gitune / progress"]?.[0]?.conclusion, "skipped");
    assert.equal(jobOf(flow, "gate")?.conclusion, "success");
    assert.match(await flows.onlyComment(), /report of a/);
  });

  it("that fails in one project is red by the gate's word, and the other is still trained", async () => {
    await flows.open({ ...TWO, "run a": answer([project("a", "fail")]) });
    const flow = await flows.run();
    assert.equal(flow.conclusion, "failure");
    assert.deepEqual(gateTitles(flow), ["gitune: a check says no"]);
    assert.match(await flows.onlyComment(), /❌ fail[\s\S]*\| a \| ❌ fail[\s\S]*\| b \| ✅ pass/);
    assert.equal(flows.github.checkRuns[0]?.conclusion, "failure");
  });

  it("whose machine fails is red, but not by the gate's word", async () => {
    await flows.open({ ...TWO, "run b": failure(3, "out of memory") });
    const flow = await flows.run();
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "error");
    assert.deepEqual(gateTitles(flow), ["gitune: could not run"]);
    const body = await flows.onlyComment();
    assert.match(body, /🛑 no verdict[\s\S]*out of memory[\s\S]*report of a/);
    assert.doesNotMatch(body, /left no result/);
    assert.equal(flows.github.checkRuns[0]?.conclusion, "cancelled");
  });

  it("with rows in Git LFS is checked out after its base, each with what LFS keeps of it", async () => {
    await flows.open({ plan: answer([project("a")]) });
    const event = flows.pull.event();
    const before = flows.stored.checkouts.length;
    await flows.run({ event, workflow: flows.callerWith('lfs: true, comment-mode: "off"') });
    assert.deepEqual(flows.stored.checkouts.slice(before), [
      { ref: flows.pull.baseSha, lfs: true },
      { ref: event.sha, lfs: true },
    ]);
  });

  it("whose config is wrong is bad input, and trains nothing", async () => {
    await flows.open({ plan: failure(2, "unknown key") });
    const flow = await flows.run();
    assert.deepEqual(gateTitles(flow), ["gitune: bad input"]);
    assert.equal(flow.jobs["gitune / train"]?.[0]?.conclusion, "skipped");
    assert.equal(flows.github.checkRuns[0]?.conclusion, "action_required");
  });

  it("is not taken for green where a job says nothing of its project", async () => {
    await flows.open({ ...TWO, "run b": answer([project("a")]) });
    const flow = await flows.run();
    assert.deepEqual(gateTitles(flow), ["gitune: could not run"]);
    assert.match(await flows.onlyComment(), /b: its job left no result/);
  });

  it("with 300 projects shares jobs, and fits them into one comment", async () => {
    const names = Array.from({ length: 300 }, (_, i) => `p${i}`);
    const legs = [0, 1, 2].map((leg) => names.slice(leg * 100, leg * 100 + 100));
    await flows.open({
      plan: answer([], { pending: names }),
      ...Object.fromEntries(legs.map((leg) => [`run ${leg.join(",")}`, answer(leg.map((name) => project(name)))])),
    });
    const flow = await flows.run({ workflow: flows.callerWith("max-jobs: 3") });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.jobs["gitune / train"]?.length, 3);
    assert.match(await flows.onlyComment(), /and 200 more/);
  });

  /** Runs, and again as soon as the first training job has begun, after a change. */
  async function runTwice(change: () => void): Promise<void> {
    let newer: Promise<Flow> | undefined;
    await flows.run({
      onJob(name, status) {
        if (newer || !name.includes("train") || status !== "in_progress") return;
        change();
        newer = flows.run();
      },
    });
    assert.ok(newer);
    await newer;
  }

  it("that is pushed to meanwhile keeps the newer word, whoever ends last", async () => {
    await flows.open(TWO);
    await runTwice(() => flows.pull.push({ "scenario.json": JSON.stringify({ plan: answer([project("new")]) }) }));
    const body = await flows.onlyComment();
    assert.match(body, /report of new/);
    assert.ok(body.includes(`commit=${flows.pull.headSha}`));
  });

  it("that is force-pushed meanwhile, and back again, always ends with the word on its head", async () => {
    await flows.open(TWO);
    const first = flows.pull.headSha;
    const rewritten = { "scenario.json": JSON.stringify({ plan: answer([project("rewritten")]) }) };
    await runTwice(() => flows.pull.forcePush(rewritten));
    assert.match(await flows.onlyComment(), /report of rewritten/);
    flows.pull.forcePush(first);
    await flows.run();
    const body = await flows.onlyComment();
    assert.ok(body.includes(`commit=${first}`));
    assert.match(body, /report of a[\s\S]*Earlier commits/);
    assert.equal(flows.github.checkRuns.filter(({ status }) => status !== "completed").length, 0);
  });

  it("with two runs at once of one commit has one comment, of the later run", async () => {
    await flows.open(TWO);
    const [one, two] = await Promise.all([flows.run(), flows.run()]);
    assert.deepEqual([one.conclusion, two.conclusion], ["success", "success"]);
    assert.match(await flows.onlyComment(), new RegExp(`^<!-- gitune:comment [^>]*run=${two.runNumber} `));
    assert.equal(flows.github.checkRuns.length, 2);
  });

  it("is not started where the caller gives less than the jobs ask for", async () => {
    await flows.open(TWO);
    await assert.rejects(
      flows.run({ workflow: flows.callerWith("", "contents: read") }),
      /requesting '[\w-]+: \w+', but is only allowed/,
    );
  });
});
describe("a merge queue", () => {
  const RUNNER = `runner: '["self-hosted"]'`;

  it("has its verdict on the group's own commit, and comments on no pull request", async () => {
    await flows.open(TWO);
    const event = flows.pull.mergeGroup({ private: true });
    const flow = await flows.run({ event, workflow: join(REPOSITORY, ".github/workflows/pr.yml") });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.match(jobOf(flow, "plan")?.log ?? "", new RegExp(`gitune plan --json --base ${flows.pull.baseSha}`));
    assert.equal(jobOf(flow, "progress")?.conclusion, "skipped");
    assert.match(jobOf(flow, "gate")?.summary ?? "", /report of a[\s\S]*report of b/);
    assert.deepEqual(jobOf(flow, "report")?.annotations, []);
    assert.deepEqual(await flows.pull.comments(), []);
    assert.deepEqual(
      flows.github.checkRuns.map(({ name, conclusion, headSha }) => [name, conclusion, headSha]),
      [["gitune", "success", event.sha]],
    );
  });

  for (const [where, machine] of [
    ["public", "ubuntu-latest"],
    ["private", "self-hosted"],
  ]) {
    it(`of a ${where} repository trains on ${machine}: a fork's code may be in it`, async () => {
      await flows.open({ ...TWO, plan: answer([], { pending: ["a"] }) });
      const event = flows.pull.mergeGroup({ private: where === "private" });
      const flow = await flows.run({ event, workflow: flows.callerWith(`${RUNNER}, comment-mode: "off"`) });
      assert.deepEqual(flow.machines["gitune / train 1"]?.runsOn, [machine]);
    });
  }
});

describe("hostile text", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow
  const hostile = "x';touch pwned;$(touch pwned)`touch pwned`${{ github.token }}\n::set-output name=verdict::pass";

  it("in names, files, branches and titles runs nothing, and reaches no output but as text", async () => {
    const issue = { code: "row.enum", severity: "error", file: `datasets/${hostile}.jsonl`, line: 1, message: hostile };
    await flows.open({
      plan: answer([], { pending: ["a"], issues: [issue] }),
      "run a": answer([project(hostile, "fail"), project("a", "fail")], { issues: [issue] }),
    });
    const event = flows.pull.event();
    const payload = event.payload["pull_request"] as Readonly<Record<string, Json>>;
    const head = { ...(payload["head"] as Readonly<Record<string, Json>>), ref: hostile };
    const flow = await flows.run({
      event: { ...event, payload: { ...event.payload, pull_request: { ...payload, title: hostile, head } } },
    });
    assert.equal(flow.jobs["gitune"]?.[0]?.outputs["verdict"], "fail");
    assert.ok(!existsSync(join(flows.pull.workspace, "pwned")));
    const logs = Object.values(flow.jobs).flat();
    for (const { log } of logs) assert.doesNotMatch(log, /ghs_[0-9a-f]{8}/, "no token in any log");
    const [shown] = flows.github.checkRuns[0]?.annotations ?? [];
    assert.equal(shown?.["message"], hostile);
  });

  it("as the name of a project to train is refused as an input", async () => {
    await flows.open({ plan: answer([], { pending: ["--out=/tmp/x; touch pwned"] }) });
    const flow = await flows.run();
    assert.deepEqual(gateTitles(flow), ["gitune: bad input"]);
    assert.ok(!existsSync(join(flows.pull.workspace, "pwned")));
  });
});
