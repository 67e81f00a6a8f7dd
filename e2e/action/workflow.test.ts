/**
 * Whole workflow runs of the action against the GitHub stand-in. The pipeline's place is taken by a program that prints
 * what a test needs, among it what no honest pipeline would; `pipeline.test.ts` runs the real one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { runWorkflow, type WorkflowResult } from "../support/workflow-runner/run-workflow.js";

/** Does what `scenario.json` in its working directory says, and keeps what it was given. */
const SCRIPTED_PIPELINE = `
import { readFileSync, writeFileSync } from "node:fs";
const scenario = JSON.parse(readFileSync("scenario.json", "utf8"));
writeFileSync("seen.json", JSON.stringify({ args: process.argv.slice(2), env: process.env }));
process.stderr.write(scenario.stderr ?? "");
process.stdout.write(scenario.stdout ?? "", () => {
  if (scenario.signal) process.kill(process.pid, scenario.signal);
  else process.exit(scenario.exitCode ?? 0);
});
`;

interface Scenario {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
  readonly signal?: string;
}

let github: GitHubServer;
let action: ActionFolder;
let pull: PullRequestFixture;
let runNumber = 0;

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder({ source: SCRIPTED_PIPELINE });
});
after(async () => {
  await github.close();
  action.remove();
});
beforeEach(() => github.calm());
afterEach(() => pull.remove());

const workflowFile = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/workflows/.github/workflows/${name}.yml`, import.meta.url));

async function run(options: { readonly workflow?: string; readonly isFork?: boolean } = {}): Promise<WorkflowResult> {
  runNumber += 1;
  return runWorkflow({
    workflow: workflowFile(options.workflow ?? "gate"),
    ...onPullRequest(github, pull, pull.event({ isFork: options.isFork ?? false })),
    runNumber,
    secrets: { HF_TOKEN: "hf_verysecret" },
    env: { HF_TOKEN: "hf_verysecret", ACTIONS_RUNTIME_TOKEN: "runtime-secret" },
    actions: {
      "actions/checkout": () => ({}),
      "actions/setup-node": () => ({}),
      "actions/cache": () => ({ "cache-hit": "true" }),
      "gitune/gitune/packages/action": action.dir,
    },
  });
}

/** A pull request whose pipeline does what the scenario says. */
async function open(scenario: Scenario): Promise<void> {
  pull = await makePullRequest(github, { base: { a: "1" }, head: { "scenario.json": JSON.stringify(scenario) } });
}

async function runScenario(scenario: Scenario, options?: Parameters<typeof run>[0]) {
  await open(scenario);
  const result = await run(options);
  return { result, job: gateOf(result) };
}

function gateOf(result: WorkflowResult) {
  const job = result.jobs["gate"]?.[0];
  assert.ok(job, "the job has run");
  return job;
}

function document(verdict: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    version: 1,
    verdict,
    projects: [
      {
        name: "tickets",
        verdict,
        comparison: {
          version: 1,
          verdict,
          regressions: [],
          improvements: [],
          rules: [
            {
              suite: "answers",
              metric: "rougeL",
              base: 0.5,
              head: 0.6,
              delta: 0.1,
              ci: [0.05, 0.15],
              p: 0.001,
              adjusted_p: 0.002,
              verdict,
            },
          ],
        },
        issues: [],
      },
    ],
    comment: `## gitune: ${verdict}\n\nrougeL 0.5 → 0.6`,
    issues: [],
    ...more,
  });
}

const titles = (job: { readonly annotations: readonly { readonly properties: Readonly<Record<string, string>> }[] }) =>
  job.annotations.map(({ properties }) => properties["title"]);

describe("a verdict", () => {
  it("pass: a green job, a summary, outputs and one comment", async () => {
    const { result, job } = await runScenario({ stdout: document("pass") });
    assert.equal(result.conclusion, "success", job.log);
    assert.match(job.summary, /## gitune: pass/);
    assert.equal(job.outputs["verdict"], "pass");
    assert.equal(job.outputs["report-path"], ".gitune/report");
    assert.match(job.outputs["comment-body"] ?? "", /^<!-- gitune:comment .*## gitune: pass/s);
    const facts = JSON.parse(job.outputs["result-json"] ?? "") as { projects: { rules: { delta: number }[] }[] };
    assert.equal(facts.projects[0]?.rules[0]?.delta, 0.1);
    const comments = await pull.comments();
    assert.equal(comments.length, 1);
    assert.equal(comments[0]?.author, ACTIONS_BOT);
    assert.equal(`${comments[0]?.body}`.trim(), job.outputs["comment-body"]?.trim());
  });

  it("a second push updates the same comment", async () => {
    await runScenario({ stdout: document("pass") });
    const [first] = await pull.comments();
    pull.push({ "scenario.json": JSON.stringify({ stdout: document("inconclusive") }) });
    const second = await run();
    assert.equal(second.conclusion, "success");
    const comments = await pull.comments();
    assert.deepEqual(
      comments.map(({ id }) => id),
      [first?.id],
    );
    assert.match(comments[0]?.body ?? "", /gitune: inconclusive/);
    assert.deepEqual(titles(gateOf(second)), ["gitune: inconclusive"]);
  });

  it("fail: a red job that says it is the gate, and a comment all the same", async () => {
    const { result, job } = await runScenario({ stdout: document("fail"), exitCode: 1 });
    assert.equal(result.conclusion, "failure");
    assert.deepEqual(titles(job), ["gitune: the gate says no"]);
    assert.match(job.annotations[0]?.message ?? "", /tickets/);
    assert.equal(job.outputs["verdict"], "fail");
    assert.match((await pull.comments())[0]?.body ?? "", /gitune: fail/);
  });

  it("inconclusive that the gate blocks is red, and the gate's word", async () => {
    const { job } = await runScenario({ stdout: document("inconclusive"), exitCode: 1 });
    assert.deepEqual(titles(job), ["gitune: the gate says no"]);
    assert.match(job.annotations[0]?.message ?? "", /tickets: inconclusive/);
  });

  it("pass with exit code 1 counts as fail", async () => {
    const { result } = await runScenario({ stdout: document("pass"), exitCode: 1 });
    assert.equal(result.conclusion, "failure");
  });
});

describe("no verdict", () => {
  const issues = [{ code: "config.unknown-key", severity: "error", message: 'unknown key "trian"', fix: "train" }];
  const failure = JSON.stringify({ version: 1, ok: false, issues });
  for (const [name, scenario, title] of [
    ["exit code 2", { stdout: failure, exitCode: 2 }, "gitune: bad input"],
    ["exit code 3", { stdout: failure, exitCode: 3 }, "gitune: could not run"],
    ["a crash without an answer", { exitCode: 1 }, "gitune: could not run"],
    ["a signal", { signal: "SIGKILL" }, "gitune: could not run"],
    ["an answer of another shape", { stdout: '{"version":1}' }, "gitune: could not run"],
  ] as const) {
    it(`${name}: red, and not the gate's words`, async () => {
      const { result, job } = await runScenario(scenario);
      assert.equal(result.conclusion, "failure");
      assert.equal(titles(job).at(-1), title);
      assert.ok(!titles(job).includes("gitune: the gate says no"));
      assert.equal(job.outputs["verdict"], "error");
      assert.match((await pull.comments())[0]?.body ?? "", /no verdict[\s\S]*not the gate/);
    });
  }

  it("a check that says no is a verdict, not a failure", async () => {
    const { job } = await runScenario({ stdout: failure, exitCode: 1 });
    assert.deepEqual(titles(job), ["gitune: a check says no"]);
    assert.equal(github.checkRuns[0]?.conclusion, "failure");
    assert.equal(job.outputs["verdict"], "fail");
  });

  it("an input that is an option in disguise is bad input", async () => {
    const { result, job } = await runScenario({ stdout: document("pass") }, { workflow: "hyphen-project" });
    assert.equal(result.conclusion, "failure");
    assert.deepEqual([...new Set(titles(job))], ["gitune: bad input"]);
  });
});

describe("rights", () => {
  it("without pull-requests: write the verdict stands, with a warning that says what to add", async () => {
    const { result, job } = await runScenario({ stdout: document("pass") }, { workflow: "read-only" });
    assert.equal(result.conclusion, "success");
    assert.equal(job.outputs["verdict"], "pass");
    assert.match(job.summary, /gitune: pass/);
    assert.deepEqual(await pull.comments(), []);
    const [warning] = job.annotations;
    assert.equal(warning?.level, "warning");
    assert.match(warning?.message ?? "", /permissions:\n {2}contents: read\n {2}pull-requests: write/);
  });

  it("from a fork, whose token can only read, it is a warning too", async () => {
    const { result, job } = await runScenario({ stdout: document("pass") }, { isFork: true });
    assert.equal(result.conclusion, "success");
    assert.match(job.annotations[0]?.message ?? "", /fork/);
  });

  it("the pipeline sees no token and no command file", async () => {
    await runScenario({ stdout: document("pass") });
    const seen = JSON.parse(readFileSync(`${pull.workspace}/seen.json`, "utf8")) as {
      args: string[];
      env: Record<string, string>;
    };
    assert.deepEqual(seen.args, ["run", "--json", "--base", pull.baseSha]);
    const names = Object.keys(seen.env);
    assert.deepEqual(
      names.filter((name) => /TOKEN|^INPUT_|^ACTIONS_|GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)$/.test(name)),
      [],
    );
    assert.ok(!JSON.stringify(seen.env).match(/ghs_|hf_verysecret|runtime-secret/));
  });
});

describe("hostile output", () => {
  const commands = [
    "::set-output name=verdict::pass",
    "::error file=README.md,line=1::you have been hacked",
    "##[error]old style",
    "::add-mask::e",
    "::stop-commands::mine",
    "::mine::",
    "::save-state name=x::y",
    "\u001b[31m::warning::coloured",
    "a\r::error::after a carriage return",
    "::error::no line end",
  ].join("\n");

  it("commands on stderr are shown, not obeyed", async () => {
    const { job } = await runScenario({ stdout: document("pass"), stderr: commands });
    assert.deepEqual(job.annotations, []);
    assert.equal(job.outputs["verdict"], "pass");
    for (const line of ["::error file=README.md,line=1::you have been hacked", "::set-output name=verdict::pass"]) {
      assert.ok(job.log.includes(line));
    }
    assert.match(job.log, /Comment \d+ created/, "commands work again afterwards");
  });

  it("text of rows in issues stays inside its annotation", async () => {
    const message = 'found "\n::error::a second one\r\n::set-output name=verdict::fail"';
    const issue = {
      code: "row.enum",
      severity: "error",
      file: "datasets/t/train.jsonl",
      line: 7,
      row: "x,line=1::y",
      message,
    };
    const outside = { ...issue, file: "../../etc/passwd", message: "out" };
    const { job } = await runScenario({ stdout: document("fail", { issues: [issue, outside] }), exitCode: 1 });
    assert.deepEqual(titles(job), ["gitune: the gate says no"]);
    const [shown, ...others] = github.checkRuns[0]?.annotations ?? [];
    assert.deepEqual(others, [], "what is of no file of the repository is no annotation");
    assert.deepEqual([shown?.["path"], shown?.["start_line"]], ["datasets/t/train.jsonl", 7]);
    // A carriage return would hide what stands before it from who reads the log.
    assert.equal(shown?.["message"], `row x,line=1::y: ${message.replace("\r", "")}`);
    assert.equal(job.outputs["verdict"], "fail");
  });

  it("a thousand issues of each level stay within GitHub's budget", async () => {
    const issues = ["error", "warning", "note"].flatMap((severity) =>
      Array.from({ length: 1000 }, (_, i) => ({ code: "row.enum", severity, message: `${severity} ${i}` })),
    );
    const { job } = await runScenario({ stdout: document("fail", { issues }), exitCode: 1 });
    for (const level of ["error", "warning", "notice"]) {
      assert.ok(job.annotations.filter((annotation) => annotation.level === level).length <= 10, level);
    }
    const facts = JSON.parse(job.outputs["result-json"] ?? "") as { issues: unknown };
    assert.deepEqual(facts.issues, { errors: 1000, warnings: 1000, notes: 1000 });
  });

  it("Markdown and HTML of rows stay inert in the summary and the comment", async () => {
    const comment = [
      "## gitune: pass",
      "--> <!-- gitune:comment key=0000000000000000 commit=0 -->",
      "cc @octo, @octo/everyone, fixes #1",
      "<script>alert(1)</script> ![beacon](https://example.com/x.png)",
    ].join("\n");
    const { job } = await runScenario({ stdout: document("pass", { comment }) });
    const [posted] = await pull.comments();
    const body = posted?.body.split("\n").slice(1).join("\n") ?? "";
    for (const text of [body, job.summary]) assert.doesNotMatch(text, /<!--|@octo|#1|<script|!\[/);
    // And the comment is still found again.
    await run();
    assert.equal((await pull.comments()).length, 1);
  });

  it("a report of 5 MB fits summary and comment", async () => {
    const comment = `## gitune: pass\n\n${"a long line of a report, many times\n".repeat(150_000)}`;
    const { result, job } = await runScenario({ stdout: document("pass", { comment }) });
    assert.equal(result.conclusion, "success", job.log.slice(0, 2000));
    assert.ok(Buffer.byteLength(job.summary) <= 2 ** 20);
    assert.ok(((await pull.comments())[0]?.body.length ?? 0) <= 60_000);
  });
});
