/** The step that comments, as the process that the action starts, against a GitHub that misbehaves. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";

interface Call {
  readonly comment?: string;
  readonly verdict?: string;
  readonly run?: number;
  readonly attempt?: number;
  readonly mode?: string;
  readonly projects?: string;
  readonly token?: string;
  readonly isFork?: boolean;
  readonly state?: string;
  readonly annotations?: readonly unknown[];
  readonly exitCode?: number;
  readonly hasCheckRun?: boolean;
  /** In place of the pull request's event as it is now. */
  readonly event?: unknown;
  /** In place of a good result document. */
  readonly resultText?: string;
}

let github: GitHubServer;
let action: ActionFolder;
let pull: PullRequestFixture;
let temp: string;

before(async () => {
  github = await startGitHub({ users: [OWNER, "guest"], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder({ source: "" });
});
after(async () => {
  await github.close();
  action.remove();
});
beforeEach(async () => {
  temp = mkdtempSync(join(tmpdir(), "gitune-comment-"));
  pull = await makePullRequest(github, { base: { a: "1" }, head: { a: "2" } });
  github.calm();
});
afterEach(() => {
  pull.remove();
  rmSync(temp, { recursive: true, force: true });
});

const writer = () => github.issueToken(ACTIONS_BOT, { contents: "read", "pull-requests": "write", checks: "write" });

/** Runs the step. @returns its exit code and all it printed */
async function comment(call: Call = {}): Promise<{ readonly exitCode: number; readonly output: string }> {
  const result = {
    version: 1,
    verdict: call.verdict ?? "pass",
    exit_code: call.exitCode ?? 0,
    projects: [],
    pending: [],
    issues: { errors: 0, warnings: 0, notes: 0 },
    annotations: call.annotations ?? [],
    report_path: ".gitune/report",
    comment: call.comment ?? "## gitune: pass",
  };
  const unique = Math.random().toString(36).slice(2);
  const resultFile = join(temp, `${unique}.json`);
  writeFileSync(resultFile, call.resultText ?? JSON.stringify(result));
  const eventFile = join(temp, `${unique}-event.json`);
  writeFileSync(eventFile, JSON.stringify(call.event ?? pull.event({ isFork: call.isFork ?? false }).payload));
  const env = {
    PATH: process.env["PATH"] ?? "",
    GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
    GITHUB_API_URL: github.url,
    GITHUB_SERVER_URL: github.url,
    GITHUB_EVENT_PATH: eventFile,
    GITHUB_WORKFLOW: "gitune",
    GITHUB_WORKFLOW_REF: `${OWNER}/${REPO}/.github/workflows/gate.yml@refs/pull/1/merge`,
    GITHUB_RUN_ID: "900",
    GITHUB_RUN_NUMBER: String(call.run ?? 1),
    GITHUB_RUN_ATTEMPT: String(call.attempt ?? 1),
    INPUT_RESULT_FILE: resultFile,
    INPUT_COMMENT_MODE: call.mode ?? "sticky",
    INPUT_PROJECTS: call.projects ?? "",
    INPUT_STATE: call.state ?? "",
    INPUT_CHECK_RUN: String(call.hasCheckRun ?? false),
    INPUT_GITHUB_TOKEN: call.token ?? writer(),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(action.dir, "bundle/comment.mjs")], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr });
    });
  });
}

/** Comments that carry a marker, whoever wrote them. */
async function marked() {
  return (await pull.comments()).filter(({ body }) => body.startsWith("<!-- gitune:comment "));
}

async function only() {
  const found = await marked();
  assert.equal(found.length, 1, "exactly one comment");
  const [first] = found;
  assert.ok(first);
  return first;
}

describe("sticky", () => {
  it("creates one comment and updates it, with the verdicts before", async () => {
    await comment({ run: 1, verdict: "fail", comment: "first" });
    const first = await only();
    assert.equal(first.author, ACTIONS_BOT);
    assert.match(first.body, /first/);
    const firstSha = pull.headSha;

    pull.push({ a: "3" });
    await comment({ run: 2, comment: "second" });
    const second = await only();
    assert.equal(second.id, first.id);
    assert.match(second.body, /second/);
    assert.doesNotMatch(second.body, /first/);
    assert.ok(second.body.includes(`| ${firstSha.slice(0, 7)} | ~~❌ fail~~ |`));

    pull.push({ a: "4" });
    await comment({ run: 3, comment: "third" });
    const third = await only();
    assert.equal(third.body.match(/^\| [0-9a-f]{7} \|/gm)?.length, 2);
  });

  it("finds its comment behind 1,000 others", async () => {
    await pull.addComments(Array.from({ length: 970 }, (_, i) => `before ${i}`));
    await comment({ run: 1 });
    await pull.addComments(Array.from({ length: 30 }, (_, i) => `after ${i}`));
    const first = await only();
    await comment({ run: 2, comment: "again" });
    const second = await only();
    assert.equal(second.id, first.id);
    assert.match(second.body, /again/);
    assert.equal((await pull.comments()).length, 1001);
  });

  it("says that it runs, then the result, and never goes back", async () => {
    await comment({ state: "queued" });
    assert.match((await only()).body, /gitune: queued/);
    await comment({ state: "running" });
    assert.match((await only()).body, /gitune: running/);
    await comment({ comment: "the result" });
    const { exitCode, output } = await comment({ state: "running" });
    assert.equal(exitCode, 0);
    assert.match(output, /of a newer run/);
    assert.match((await only()).body, /the result/);
    assert.doesNotMatch((await only()).body, /Earlier commits/, "a state that passes is no verdict");
  });

  it("keeps the head's word where a branch was pushed back to an older commit", async () => {
    const oldEvent = pull.event();
    pull.push({ a: "3" });
    await comment({ run: 1, comment: "of the head" });
    await comment({ run: 2, comment: "of another", event: oldEvent.payload });
    assert.match((await only()).body, /of the head/);
  });

  it("says so where it is about a commit that is no longer the head", async () => {
    const oldEvent = pull.event();
    pull.push({ a: "3" });
    await comment({ run: 1, event: oldEvent.payload });
    assert.match((await only()).body, /no longer the head; [0-9a-f]{7} is/);
    assert.doesNotMatch((await only()).body, /undefined/);
  });

  it("leaves alone what somebody else wrote with a copied marker", async () => {
    await comment({ run: 1 });
    const mine = await only();
    await pull.addComments([mine.body], "guest");
    await pull.deleteComment(mine.id);
    await comment({ run: 2, comment: "mine" });
    const found = await marked();
    assert.deepEqual(found.map(({ author }) => author).sort(), [ACTIONS_BOT, "guest"]);
    assert.equal(found.find(({ author }) => author === "guest")?.body, mine.body);
  });

  it("keeps one comment for each set of projects", async () => {
    await comment({ projects: "a, b" });
    await comment({ projects: "b\na", run: 2 });
    assert.equal((await marked()).length, 1);
    await comment({ projects: "c" });
    assert.equal((await marked()).length, 2);
  });

  it("never lets an older run overwrite a newer one", async () => {
    await comment({ run: 5, comment: "newer" });
    const { exitCode } = await comment({ run: 4, attempt: 3, comment: "older" });
    assert.equal(exitCode, 0);
    assert.match((await only()).body, /newer/);
  });

  it("lets a second attempt of the same run overwrite the first", async () => {
    await comment({ run: 5, comment: "attempt one" });
    await comment({ run: 5, attempt: 2, comment: "attempt two" });
    assert.match((await only()).body, /attempt two/);
  });

  it("ends in one comment with the newest word when first runs race", async () => {
    await Promise.all([1, 2, 3].map((run) => comment({ run, comment: `race ${run}` })));
    // The last to finish cleans up after the others, but may have been overtaken while it did.
    await comment({ run: 3, attempt: 2, comment: "race 3" });
    assert.match((await only()).body, /race 3/);
  });

  it("makes a new comment when the old one is deleted under its hands", async () => {
    await comment({ run: 1 });
    const { id } = await only();
    github.fail({ match: /^PATCH /, answer: "as-usual", before: () => pull.deleteComment(id) });
    const { exitCode } = await comment({ run: 2, comment: "new" });
    assert.equal(exitCode, 0);
    assert.notEqual((await only()).id, id);
  });
});

describe("a GitHub that fails for a moment", () => {
  /** What GitHub says of a primary rate limit that ends in so many seconds. */
  const usedUp = (seconds: number) => ({
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + seconds),
  });

  for (const [name, fault] of [
    ["500 while reading", { match: /^GET .*comments/, answer: 500 }],
    ["502 while writing", { match: /^POST .*comments/, answer: 502 }],
    ["429", { match: /^GET .*comments/, answer: 429, headers: { "retry-after": "1" } }],
    ["a secondary rate limit", { match: /^POST .*comments/, answer: 403, headers: { "retry-after": "1" } }],
    ["a cut connection while reading", { match: /^GET .*comments/, answer: "cut-before" }],
    ["a cut connection before writing", { match: /^POST .*comments/, answer: "cut-before" }],
    ["a lost answer to a comment that was written", { match: /^POST .*comments/, answer: "cut-after" }],
  ] as const) {
    it(`gets over ${name}, with one comment`, async () => {
      github.fail(fault);
      const { exitCode, output } = await comment({ comment: "made it" });
      assert.equal(exitCode, 0);
      assert.doesNotMatch(output, /::warning/);
      assert.match((await only()).body, /made it/);
    });
  }

  it("gets over a lost answer to an update", async () => {
    await comment({ run: 1 });
    github.fail({ match: /^PATCH /, answer: "cut-after" });
    await comment({ run: 2, comment: "made it" });
    assert.match((await only()).body, /made it/);
  });

  it("waits for a rate limit that ends soon", async () => {
    github.fail({ match: /^GET .*comments/, answer: 403, headers: usedUp(1) });
    const { output } = await comment({ comment: "made it" });
    assert.doesNotMatch(output, /::warning/);
    assert.match((await only()).body, /made it/);
  });

  it("says when a rate limit ends that is not waited for, and asks no more", async () => {
    const message = "API rate limit exceeded for installation ID 1.";
    github.fail({ match: /comments/, answer: 403, headers: usedUp(1800), message, times: 100 });
    const { exitCode, output } = await comment();
    assert.equal(exitCode, 0);
    assert.match(output, /::warning .*rate limit is used up; it starts again at \d\d:\d\d UTC.*in the job's summary/);
    assert.doesNotMatch(output, /lacks|permissions/);
    assert.equal(github.log.filter(({ path }) => path.includes("comments")).length, 1);
    github.calm();
  });

  it("warns and goes on when it does not come back", { timeout: 60_000 }, async () => {
    github.fail({ match: /comments/, answer: 503, times: 100 });
    const { exitCode, output } = await comment();
    github.calm();
    assert.equal(exitCode, 0);
    assert.match(output, /::warning title=gitune%3A not posted::GitHub could not be reached/);
  });
});

describe("without the right to comment", () => {
  it("warns with the permissions to add", async () => {
    const { exitCode, output } = await comment({ token: github.issueToken(ACTIONS_BOT, { contents: "read" }) });
    assert.equal(exitCode, 0);
    assert.match(output, /::warning .*permissions:%0A {2}contents: read%0A {2}pull-requests: write/);
    assert.deepEqual(await marked(), []);
  });

  it("warns about the fork, where no permission helps", async () => {
    const token = github.issueToken(ACTIONS_BOT, { contents: "read", "pull-requests": "read" });
    const { exitCode, output } = await comment({ token, isFork: true });
    assert.equal(exitCode, 0);
    assert.match(output, /::warning .*from a fork/);
    assert.doesNotMatch(output, /permissions:/);
  });

  it("warns about an unknown token, without printing it", async () => {
    const { exitCode, output } = await comment({ token: "ghp_nobodyknowsthisone" });
    assert.equal(exitCode, 0);
    assert.match(output, /::warning .*does not know the token/);
    assert.equal(output.replace(/^::add-mask::.*$/m, "").includes("nobodyknows"), false);
  });
});

describe("the check run", () => {
  const issues = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      code: "row.enum",
      severity: i % 2 === 0 ? "error" : "warning",
      file: "datasets/a/train.jsonl",
      line: i + 1,
      message: `issue ${i}`,
    }));
  const post = (call: Call) => comment({ hasCheckRun: true, ...call });

  it("holds every issue, fifty a request", async () => {
    const { exitCode, output } = await post({ annotations: issues(120), verdict: "fail" });
    assert.equal(exitCode, 0);
    const [check, ...others] = github.checkRuns;
    assert.deepEqual(others, []);
    assert.deepEqual([check?.status, check?.conclusion, check?.headSha], ["completed", "failure", pull.headSha]);
    assert.deepEqual(
      check?.annotations.map((one) => one["message"]),
      issues(120).map(({ message }) => message),
    );
    assert.equal(github.log.filter(({ method }) => method === "PATCH").length, 3);
    assert.doesNotMatch(output, /::error|::warning/, "what is on the check is not said twice");
  });

  for (const [name, fault] of [
    ["a lost answer to its creation", { match: /^POST .*check-runs/, answer: "cut-after" }],
    ["a lost answer to an update", { match: /^PATCH .*check-runs/, answer: "cut-after" }],
    ["a cut connection before an update", { match: /^PATCH .*check-runs/, answer: "cut-before" }],
    ["502 while updating", { match: /^PATCH .*check-runs/, answer: 502 }],
  ] as const) {
    it(`gets over ${name}, with each issue once`, async () => {
      github.fail(fault);
      await post({ annotations: issues(60) });
      assert.equal(github.checkRuns.length, 1);
      assert.equal(github.checkRuns[0]?.status, "completed");
      assert.equal(github.checkRuns[0]?.annotations.length, 60);
    });
  }

  for (const [verdict, exitCode, conclusion] of [
    ["pass", 0, "success"],
    ["inconclusive", 0, "neutral"],
    ["fail", 1, "failure"],
    ["error", 2, "action_required"],
    ["error", 3, "cancelled"],
  ] as const) {
    it(`of ${verdict} with exit code ${exitCode} ends in ${conclusion}`, async () => {
      await post({ verdict, exitCode });
      assert.equal(github.checkRuns[0]?.conclusion, conclusion);
    });
  }

  it("without its permission gives way to the log, and the comment is there all the same", async () => {
    const token = github.issueToken(ACTIONS_BOT, { contents: "read", "pull-requests": "write" });
    const { exitCode, output } = await post({ annotations: issues(30), token });
    assert.equal(exitCode, 0);
    assert.match(output, /::warning title=gitune%3A not posted::The token lacks `checks: write`/);
    assert.equal(output.match(/^::error /gm)?.length, 9);
    await only();
  });

  it("fits a report of 70,000 characters", async () => {
    const report = "é of many bytes\n".repeat(5000);
    await post({ comment: report });
    const summary = github.checkRuns[0]?.summary ?? "";
    assert.ok(Buffer.byteLength(summary) <= 65_535);
    assert.match(summary, /too long for a check/);
    assert.ok((await only()).body.length <= 60_000);
  });
});

describe("what a comment holds", () => {
  it("fits a report of 200,000 characters, and closes what it opened", async () => {
    const rows = Array.from({ length: 4000 }, (_, i) => `| row ${i} | some text about it that is a little long |`);
    await comment({ comment: ["# Top", "<details><summary>rows</summary>", "", ...rows, "</details>"].join("\n") });
    const { body } = await only();
    assert.ok(body.length <= 60_000, `${body.length} characters`);
    assert.match(body, /# Top/);
    assert.match(body, /too long for a comment/);
    assert.equal(body.match(/<details>/g)?.length, body.match(/<\/details>/g)?.length);
  });

  it("takes the sting out of hostile text", async () => {
    const hostile = [
      "--> <!-- gitune:comment key=0000000000000000 -->",
      "@octo @octo/team &#64;octo &commat;octo closes #1, octo/rows#2 and GH-3",
      "![x](http://127.0.0.1/pixel.png) <img src=x onerror=alert(1)>",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow, as a row may hold it
      "::error::boo ${{ secrets.GITHUB_TOKEN }}",
    ].join("\n");
    await comment({ run: 1, comment: hostile });
    await comment({ run: 2, comment: hostile });
    const { body } = await only();
    const text = body.split("\n").slice(1).join("\n");
    assert.doesNotMatch(text, /<!--|@octo|&#64;|&commat;|#1|#2|GH-3|!\[|<img/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
    assert.ok(text.includes("${{ secrets.GITHUB_TOKEN }}"));
  });
});

describe("modes", () => {
  it("`new` adds one for each run", async () => {
    await comment({ mode: "new", run: 1 });
    await comment({ mode: "new", run: 2 });
    assert.equal((await marked()).length, 2);
  });

  it("`off` asks nothing of GitHub", async () => {
    await comment({ mode: "off" });
    assert.deepEqual(github.log, []);
  });

  it("refuses another mode as bad input", async () => {
    const { exitCode, output } = await comment({ mode: "loud" });
    assert.equal(exitCode, 1);
    assert.match(output, /title=gitune%3A bad input::.*sticky, new, off; found "loud"/);
  });
});

describe("a result that is not one", () => {
  const good = {
    version: 1,
    verdict: "pass",
    exit_code: 0,
    projects: [],
    pending: [],
    annotations: [],
    report_path: null,
    comment: "",
  };
  for (const [name, resultText] of [
    ["no JSON", "{"],
    ["an unknown verdict", JSON.stringify({ ...good, verdict: "great", issues: { errors: 0, warnings: 0, notes: 0 } })],
    ["an extra field", JSON.stringify({ ...good, issues: { errors: 0, warnings: 0, notes: 0 }, token: "x" })],
    ["17 MB", `"${"x".repeat(17 * 2 ** 20)}"`],
  ] as const) {
    it(`refuses ${name}, and asks nothing of GitHub`, async () => {
      const { exitCode, output } = await comment({ resultText });
      assert.equal(exitCode, 1);
      assert.match(output, /could not run::the result of the pipeline's step cannot be read/);
      assert.deepEqual(github.log, []);
    });
  }
});
