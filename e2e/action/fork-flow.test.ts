/** A fork's pull request: its verdict, the comment by a run of the default branch, and where it is trained. */
import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import { OWNER, REPO } from "../support/pull-request.js";
import { answer, type Flow, jobOf, project, ScriptedFlows, TWO } from "../support/scripted-flow.js";
import type { WorkflowEvent } from "../support/workflow-runner/triggers.js";

const flows = new ScriptedFlows();

describe("a fork's pull request", () => {
  const forkEvent = (isPrivate: boolean): WorkflowEvent => {
    const event = flows.pull.event({ isFork: true });
    return { ...event, payload: { ...event.payload, repository: { private: isPrivate } } };
  };
  const finished = (flow: Flow): WorkflowEvent => ({
    name: "workflow_run",
    ref: "refs/heads/main",
    sha: flows.pull.baseSha,
    payload: {
      action: "completed",
      workflow_run: {
        id: Number(flow.runId),
        event: "pull_request",
        path: ".github/workflows/pr.yml",
        run_number: flow.runNumber,
        run_attempt: 1,
        head_sha: flows.pull.headSha,
        head_branch: "change",
        head_repository: { full_name: `guest/${REPO}` },
      },
    },
  });
  const commentOn = (flow: Flow) =>
    flows.run({ workflow: join(REPOSITORY, ".github/workflows/fork-comment.yml"), event: finished(flow) });

  it("gets its verdict with a token that can only read, and its comment from a run of the default branch", async () => {
    await flows.open(TWO);
    const flow = await flows.run({ event: forkEvent(false) });
    assert.equal(flow.conclusion, "success", jobOf(flow, "report")?.log);
    assert.ok(flow.granted.every((rights) => !Object.values(rights).includes("write")));
    assert.deepEqual([await flows.pull.comments(), flows.github.checkRuns], [[], []]);
    assert.match(jobOf(flow, "report")?.annotations[0]?.message ?? "", /from a fork/);

    const commented = await commentOn(flow);
    assert.equal(commented.conclusion, "success");
    const body = await flows.onlyComment();
    assert.match(body, /report of a/);
    assert.ok(body.includes(`commit=${flows.pull.headSha}`));
    assert.equal(flows.github.checkRuns[0]?.conclusion, "success");
  });

  it("is not commented on where its head has moved on, or its verdict is not one", async () => {
    await flows.open(TWO);
    const flow = await flows.run({ event: forkEvent(false) });
    const before = finished(flow);
    flows.pull.push({ a: "another" });
    flows.pull.event({ isFork: true });
    await flows.run({ workflow: join(REPOSITORY, ".github/workflows/fork-comment.yml"), event: before });
    assert.deepEqual(await flows.pull.comments(), []);

    const verdict = join(flows.stored.artifacts(flow.runId), "gitune-verdict");
    for (const name of readdirSync(verdict)) writeFileSync(join(verdict, name), '{"version":1,"comment":"@octo"}');
    const refused = await commentOn(flow);
    assert.equal(refused.conclusion, "failure");
    assert.deepEqual(await flows.pull.comments(), []);
  });

  it("is left alone where its run has no verdict: it waited for approval, was cancelled, or died early", async () => {
    await flows.open(TWO);
    const flow = await flows.run({ event: forkEvent(false) });
    rmSync(join(flows.stored.artifacts(flow.runId), "gitune-verdict"), { recursive: true });
    const commented = await commentOn(flow);
    assert.equal(commented.conclusion, "success", jobOf(commented, "comment")?.log);
    assert.deepEqual([jobOf(commented, "comment")?.annotations, await flows.pull.comments()], [[], []]);
  });

  it("that changes a workflow has made its verdict itself: it is no success, and the comment warns", async () => {
    await flows.open({ plan: answer([project("a")]) });
    flows.pull.push({ ".github/workflows/pr.yml": "on: pull_request" });
    const flow = await flows.run({ event: forkEvent(false) });
    await commentOn(flow);
    assert.match(await flows.onlyComment(), /CAUTION\]\n> This pull request changes \.github\/workflows\/pr\.yml/);
    const [check] = flows.github.checkRuns;
    assert.deepEqual([check?.conclusion, check?.title], ["action_required", "Changes a workflow: look at that first"]);
  });

  it("that changes more files than GitHub lists is held for one that changes a workflow", async () => {
    await flows.open({ plan: answer([project("a")]) });
    flows.pull.push(Object.fromEntries(Array.from({ length: 301 }, (_, i) => [`datasets/many/${i}.jsonl`, "{}\n"])));
    await commentOn(await flows.run({ event: forkEvent(false) }));
    assert.match(await flows.onlyComment(), /more files than GitHub lists/);
    assert.equal(flows.github.checkRuns[0]?.conclusion, "action_required");
  });

  const LABEL = "gitune: run";
  const GITHUBS = { runsOn: ["ubuntu-latest"], environment: "" };
  const OURS = { runsOn: ["self-hosted"], environment: "" };
  /** Where the training job runs, and why. */
  async function machineOf(event: WorkflowEvent, approvals: string) {
    const inputs = `runner: '["self-hosted"]', comment-mode: "off", ${approvals}`;
    const flow = await flows.run({ workflow: flows.callerWith(inputs), event });
    assert.equal(flow.conclusion, "success", jobOf(flow, "gate")?.log);
    assert.equal(flow.machines["gitune / plan"]?.runsOn, "ubuntu-latest");
    const said = jobOf(flow, "approve")?.annotations[0]?.message ?? "";
    return { machine: flow.machines["gitune / train 1"], said };
  }
  const labeled = (by: string, name = LABEL): WorkflowEvent => {
    const event = flows.pull.event({ isFork: true, label: { name, by } });
    return { ...event, payload: { ...event.payload, repository: { private: true } } };
  };
  const openFork = () => flows.open({ ...TWO, plan: answer([], { pending: ["a"] }) });

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
    assert.equal(approved.said, `Commit ${flows.pull.headSha}, and no other: ${OWNER} put "${LABEL}".`);

    // The label is still there: the event of the push is another.
    flows.pull.push({ more: "rows" });
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
    flows.github.fail({ match: /\/permission$/, answer: 403 });
    await refused(labeled(OWNER), /GitHub could not be asked/);
  });

  it("that changes a workflow never gets the runner, whatever that workflow asks for", async () => {
    await openFork();
    flows.pull.push({ ".github/workflows/gitune.yml": "on: pull_request" });
    const { machine, said } = await machineOf(labeled(OWNER), 'fork-environment: "no-such-environment"');
    assert.deepEqual(machine, GITHUBS);
    assert.match(said, /The pull request changes a workflow; this commit is trained on GitHub's machines/);
  });
});
