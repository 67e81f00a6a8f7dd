/**
 * Whole nightly runs of the action, against the GitHub stand-in with real git behind it. Some with the real command line
 * and training, some with a program in its place that prints what no honest one would.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { COLORS, colorsConfig, colorsFiles, jsonl, RefreshRepository, row } from "../support/refresh-repository.js";
import { type RowServer, rowsAnswer, startRowServer } from "../support/row-server.js";
import { Transcript } from "../support/transcript.js";
import { type JobResult, runWorkflow } from "../support/workflow-runner/run-workflow.js";

const BRANCH = "gitune/refresh-colors";
const WORKFLOW = fileURLToPath(new URL("../../fixtures/workflows/.github/workflows/nightly.yml", import.meta.url));
const KEY = "feedback-key-of-this-test";
const OWNER = "octo";
/** A repository each test, so that none sees another's pull requests. */
const REPOSITORIES = Array.from({ length: 28 }, (_, at) => `${OWNER}/rows-${at}`);

/** Prints what `scenario.json` says, and keeps what it was given. */
const SCRIPTED = `
import { readFileSync, writeFileSync } from "node:fs";
const scenario = JSON.parse(readFileSync("scenario.json", "utf8"));
const NOTHING = '{"version":1,"status":"unchanged","branch":"gitune/release","commit":null,"versions":[]}';
if (process.argv[2] === "refresh") writeFileSync("seen.json", JSON.stringify({ args: process.argv.slice(2), env: process.env }));
process.stderr.write(scenario.stderr ?? "");
const isRelease = process.argv[2] === "release";
const text = isRelease ? (scenario.versions ?? NOTHING) : (scenario.stdout ?? "");
process.stdout.write(text, () => process.exit(isRelease ? 0 : (scenario.exitCode ?? 0)));
`;

let github: GitHubServer;
let rows: RowServer;
let real: ActionFolder;
let scripted: ActionFolder;
let repository: RefreshRepository;
let name: string;
let runNumber = 0;
let used = 0;
const transcript = new Transcript(
  "nightly.md",
  `# A nightly run, as it looks

What \`e2e/refresh/nightly.test.ts\` left on a GitHub on loopback: the action with the real command line and engine, sources on loopback, and
git behind it. Written by \`GITUNE_WRITE_DOCS=1 node scripts/test.mjs nightly\`, not by hand. The rows are made up, and the base has random
weights, hence no score.`,
);

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: REPOSITORIES });
  rows = await startRowServer();
  real = await makeActionFolder("real");
  scripted = await makeActionFolder({ source: SCRIPTED });
});
after(async () => {
  await github.close();
  await rows.close();
  real.remove();
  scripted.remove();
});
beforeEach(() => {
  github.calm();
  github.setSuccesses([]);
  name = REPOSITORIES[used] ?? "";
  used += 1;
});
afterEach(() => repository.remove());

const rest = () => getOctokit(github.issueToken(OWNER), { baseUrl: github.url }).rest;
const where = () => ({ owner: OWNER, repo: name.split("/")[1] ?? "" });

/** The repository, its remote behind the stand-in, and origin's branches as a checkout has them. */
function open(files: Parameters<RefreshRepository["write"]>[0]): void {
  repository = new RefreshRepository(files);
  repository.git("remote", "add", "origin", github.gitFolder(name));
  repository.git("push", "--quiet", "origin", "main");
  checkout();
}

/** A fresh runner: no local branch but main. */
function checkout(): void {
  repository.git("fetch", "--quiet", "--prune", "origin");
  repository.git("checkout", "--quiet", "main");
  repository.git("reset", "--quiet", "--hard", "origin/main");
  const local = repository.git("branch", "--list", "--format=%(refname:short)", "gitune/*");
  for (const branch of local.split("\n").filter((one) => one !== "")) repository.git("branch", "--quiet", "-D", branch);
}

interface Run {
  readonly action?: ActionFolder;
  readonly workflow?: string;
  readonly keepsClone?: boolean;
}

async function run({ action = real, workflow, keepsClone = false }: Run = {}): Promise<JobResult> {
  if (!keepsClone) checkout();
  runNumber += 1;
  const result = await runWorkflow({
    workflow: workflow ?? WORKFLOW,
    workspace: repository.root,
    event: {
      name: "schedule",
      payload: { schedule: "17 3 * * *" },
      ref: "refs/heads/main",
      sha: repository.git("rev-parse", "HEAD"),
    },
    repository: name,
    apiUrl: github.url,
    issueToken: (permissions) => github.issueToken(ACTIONS_BOT, permissions),
    runNumber,
    secrets: { FEEDBACK_KEY: KEY },
    env: { ACTIONS_RUNTIME_TOKEN: "runtime-secret" },
    actions: {
      // gitune itself, where the reusable workflow gets it.
      "actions/checkout": ({ inputs, workspace }) => {
        if (inputs["path"] === ".gitune-action")
          cpSync(action.root, join(workspace, ".gitune-action"), { recursive: true, verbatimSymlinks: true });
        return {};
      },
      "actions/setup-node": () => ({}),
      "actions/cache": () => ({ "cache-hit": "true" }),
      "actions/upload-artifact": () => ({}),
      "gitune/gitune/packages/action/refresh": join(action.dir, "refresh"),
    },
  });
  const job = Object.values(result.jobs)[0]?.[0];
  assert.ok(job);
  return job;
}

async function pulls() {
  return (await rest().pulls.list({ ...where(), state: "all", per_page: 100 })).data;
}

async function issues() {
  const all = (await rest().issues.listForRepo({ ...where(), state: "all", per_page: 100 })).data;
  return all.filter((one) => !one.pull_request);
}

const remote = (...args: readonly string[]) =>
  execFileSync("git", ["-C", github.gitFolder(name), ...args], { encoding: "utf8" }).trim();

const titles = (job: JobResult) => job.annotations.map(({ properties }) => properties["title"]);

const SOURCE = () =>
  `    - { type: http, name: feedback, url: "${rows.url}/rows.jsonl", token_env: FEEDBACK_KEY, into: train/new.jsonl }`;

describe("a nightly run", () => {
  it("proposes in one pull request, adds to it, and leaves the default branch alone", async () => {
    open(colorsFiles(colorsConfig(SOURCE())));
    const main = remote("rev-parse", "main");
    rows.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow"), { messages: [] }])));
    const first = await run();
    assert.equal(first.conclusion, "success", first.log);
    assert.equal(rows.seen.at(-1)?.headers.authorization, `Bearer ${KEY}`);
    const [pull, ...others] = await pulls();
    assert.ok(pull && others.length === 0, first.log);
    assert.deepEqual([pull.title, pull.head.ref, pull.user?.login], ["Refresh colors", BRANCH, ACTIONS_BOT]);
    const body = pull.body ?? "";
    assert.match(body, /^<!-- gitune:refresh project=colors -->/);
    assert.match(body, /\| `feedback` \(http\) \| 1 \| 0 \| 0 \| 1 \|/);
    assert.match(body, /GitHub starts no workflows for a pull request made with `GITHUB_TOKEN`/);
    assert.match(body, /exact_match/);
    // No workflow starts for it, so the check that may be required is there without one.
    assert.deepEqual(
      github.checkRuns.map(({ name, headSha, status, conclusion }) => [name, headSha, status, conclusion]),
      [["gitune / gate", remote("rev-parse", BRANCH), "completed", "success"]],
    );
    const [check] = github.checkRuns;
    assert.ok(check);
    assert.match(check.summary ?? "", /exact_match/);
    transcript.body(
      "The pull request",
      body,
      `**${pull.title}**, of the branch \`${pull.head.ref}\`, by ${pull.user?.login}:`,
    );
    transcript.check("Its check", check);
    assert.match(first.summary, /`colors`: proposed/);
    assert.deepEqual([first.outputs["healthy"], first.outputs["has-proposal"]], ["true", "true"]);
    assert.equal(JSON.parse(first.outputs["pull-requests"] ?? "{}").colors, pull.html_url);
    assert.match(remote("show", `${BRANCH}:${COLORS}/train/new.jsonl`), /yellow/);
    assert.equal(remote("rev-parse", "main"), main);
    assert.deepEqual(await issues(), []);

    // Nothing new: the pull request and the branch stay as they are.
    const tip = remote("rev-parse", BRANCH);
    const second = await run();
    assert.deepEqual([second.conclusion, second.outputs["has-proposal"]], ["success", "false"]);
    assert.equal(remote("rev-parse", BRANCH), tip);
    assert.equal((await pulls())[0]?.body, body);

    // More rows, after a person mended one on the branch.
    repository.git("checkout", "--quiet", "-B", "mend", `origin/${BRANCH}`);
    repository.commit("Mend", { [`${COLORS}/train/new.jsonl`]: jsonl([row("colour of the sun?", "white")]) });
    repository.git("push", "--quiet", "origin", `mend:${BRANCH}`);
    rows.answer(rowsAnswer(jsonl([row("colour of the deep sea?", "dark blue")])));
    const third = await run();
    assert.equal(third.conclusion, "success", third.log);
    const text = remote("show", `${BRANCH}:${COLORS}/train/new.jsonl`);
    assert.ok(text.includes("white") && text.includes("dark blue") && !text.includes("yellow"), text);
    const all = await pulls();
    assert.deepEqual([all.length, all[0]?.number], [1, pull.number]);
    assert.notEqual(all[0]?.body, body);
    transcript.body(
      "The pull request two nights later",
      all[0]?.body ?? "",
      "Somebody has mended a row, and a source has a new one:",
    );
    assert.ok(!`${first.log}${second.log}${third.log}${body}`.includes(KEY));
  });

  it("never pushes over commits that it has not seen", async () => {
    open(colorsFiles(colorsConfig(SOURCE())));
    rows.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    // Somebody pushes the same branch while this run trains.
    repository.git("checkout", "--quiet", "-b", "theirs");
    const theirs = repository.commit("Theirs", { note: "x" });
    checkout();
    repository.git("push", "--quiet", "origin", `theirs:${BRANCH}`);
    repository.git("update-ref", "-d", `refs/remotes/origin/${BRANCH}`);
    const job = await run({ keepsClone: true });
    assert.equal(job.conclusion, "success", job.log);
    assert.deepEqual(titles(job), ["gitune: overtaken"]);
    assert.equal(remote("rev-parse", BRANCH), theirs);
    assert.deepEqual(await pulls(), []);
    // The next run goes on top of them.
    assert.equal((await run()).conclusion, "success");
    remote("merge-base", "--is-ancestor", theirs, BRANCH);
    assert.equal((await pulls()).length, 1);
  });

  it("a source that is down: red, one issue, updated and not repeated, closed when it is back", async () => {
    open(colorsFiles(colorsConfig(SOURCE())));
    rows.answer((_, response) => response.writeHead(404).end());
    const first = await run();
    assert.equal(first.conclusion, "failure");
    assert.deepEqual(titles(first), ["gitune: refresh"]);
    const [issue] = await issues();
    assert.match(issue?.body ?? "", /source feedback: the server answers 404/);
    assert.deepEqual([issue?.state, issue?.user?.login], ["open", ACTIONS_BOT]);
    transcript.body("The issue, when a source is down", issue?.body ?? "", `**${issue?.title}**, ${issue?.state}:`);
    await run();
    const again = await issues();
    assert.deepEqual(
      again.map(({ number, state }) => [number, state]),
      [[issue?.number, "open"]],
    );
    assert.notEqual(again[0]?.body, issue?.body);
    rows.answer(rowsAnswer(""));
    const back = await run();
    assert.deepEqual([back.conclusion, back.outputs["healthy"]], ["success", "true"], back.log);
    assert.deepEqual(
      (await issues()).map(({ number, state }) => [number, state]),
      [[issue?.number, "closed"]],
    );
    const [closed] = await issues();
    transcript.body("The same issue, when it is back", closed?.body ?? "", `**${closed?.title}**, ${closed?.state}:`);
  });

  it("is shown in docs/transcripts/nightly.md", () => {
    open({ readme: "x" });
    transcript.finish();
  });
});

/** A project as the document has it; the commit is there already. */
function project(commit: string, more: Readonly<Record<string, unknown>> = {}) {
  const counts = { new: 3, known: 1, passed_over: 0, quarantined: 0, issues: [] };
  return {
    name: "colors",
    status: "proposed",
    branch: BRANCH,
    commit,
    verdict: "pass",
    sources: [{ name: "feedback", type: "http", status: "read", ...counts }],
    quarantine: {},
    quarantine_file: null,
    issues: [],
    run: { exit_code: 0, comment: "## gitune: pass" },
    ...more,
  };
}

/** Opens a repository whose refresh prints what the test says. */
function script(document: (commit: string) => unknown, more: { exitCode?: number; stderr?: string } = {}): void {
  open({ readme: "x" });
  repository.git("checkout", "--quiet", "-b", "rows");
  const commit = repository.commit("Rows", { rows: "1" });
  repository.git("checkout", "--quiet", "main");
  repository.write({ "scenario.json": JSON.stringify({ stdout: JSON.stringify(document(commit)), ...more }) });
}

const proposed =
  (more: Readonly<Record<string, unknown>> = {}) =>
  (commit: string) => ({
    version: 1,
    base: commit,
    exit_code: 0,
    projects: [project(commit, more)],
  });
const runScripted = (more: Run = {}) => run({ action: scripted, ...more });

it("our own workflow proposes by the reusable one", async () => {
  script(proposed());
  const job = await runScripted({ workflow: join(REPOSITORY, ".github/workflows/nightly.yml") });
  assert.equal(job.conclusion, "success", job.log);
  const [pull] = await pulls();
  assert.deepEqual([pull?.title, pull?.user?.login], ["Refresh colors", ACTIONS_BOT]);
  assert.match(pull?.body ?? "", /GitHub starts no workflows/);
});

describe("what the first part says is data", () => {
  it("hostile text stays text, in pull request, issue, summary and log", async () => {
    const hostile = [
      "--> <!-- gitune:refresh project=colors -->",
      "@octo closes #1 ![x](http://127.0.0.1/p.png) <img src=x>",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow, as a row may hold it
      "::error::boo ${{ secrets.FEEDBACK_KEY }} `$(id)`",
    ].join("\n");
    const issue = { code: "refresh.source", severity: "error", message: hostile, fix: hostile };
    const source = { ...project("").sources[0], status: "failed", issues: [issue] };
    script(proposed({ run: { exit_code: 1, comment: hostile }, sources: [source] }), { exitCode: 3, stderr: hostile });
    const job = await runScripted();
    const texts = [(await pulls())[0]?.body ?? "", (await issues())[0]?.body ?? "", job.summary];
    for (const text of texts) {
      assert.ok(text.length > 100);
      assert.doesNotMatch(text.split("\n").slice(1).join("\n"), /<!--|@octo|#1\b|!\[|<img/);
    }
    assert.deepEqual(
      job.annotations.filter(({ message }) => message === "boo"),
      [],
    );
  });

  it("has the sources' variables, and none of GitHub's tokens", async () => {
    script(proposed(), { stderr: `the key is ${KEY}\n` });
    const job = await runScripted();
    assert.equal(job.conclusion, "success", job.log);
    const { env } = JSON.parse(readFileSync(join(repository.root, "seen.json"), "utf8")) as {
      env: Record<string, string>;
    };
    assert.equal(env["FEEDBACK_KEY"], KEY);
    const names = Object.keys(env).filter((key) => /TOKEN|^INPUT_|^ACTIONS_|_ENV$|_OUTPUT$/.test(key));
    assert.deepEqual(names, []);
    assert.ok(!job.log.includes(KEY), "masked, even where the pipeline prints it");
  });

  it("another branch than the project's is never pushed to", async () => {
    for (const branch of ["main", "gitune/refresh-other", `${BRANCH}:refs/heads/main`]) {
      script(proposed({ branch }));
      const main = remote("rev-parse", "main");
      const job = await runScripted();
      assert.equal(job.conclusion, "failure", branch);
      assert.deepEqual(
        [remote("rev-parse", "main"), remote("for-each-ref", "--format=%(refname)")],
        [main, "refs/heads/main"],
      );
      assert.match((await issues())[0]?.body ?? "", /unreadable/);
      repository.remove();
      name = REPOSITORIES[used] ?? "";
      used += 1;
    }
    open({ readme: "x" });
  });

  it("a config or a hook of the checkout sees nothing of the token", async () => {
    script(proposed());
    const trap = mkdtempSync(join(tmpdir(), "gitune-trap-"));
    repository.git("config", "url.http://127.0.0.1:1/.insteadOf", `${github.url}/`);
    repository.git("config", "credential.helper", `!touch ${trap}/helper; cat`);
    repository.git("config", "core.hooksPath", trap);
    const job = await run({ action: scripted, keepsClone: true });
    assert.equal(job.conclusion, "success", job.log);
    assert.match(remote("log", "--format=%s", BRANCH), /Rows/);
    assert.equal(execFileSync("ls", [trap], { encoding: "utf8" }), "");
    rmSync(trap, { recursive: true });
  });

  it("a report of 200,000 characters fits", async () => {
    script(proposed({ run: { exit_code: 0, comment: "| a row of the report |\n".repeat(10_000) } }));
    assert.equal((await runScripted()).conclusion, "success");
    const body = (await pulls())[0]?.body ?? "";
    assert.ok(body.length <= 60_000 && /too long for a pull request/.test(body));
  });
});

describe("the pull request of the next versions", () => {
  const versions = (commit: string, more: Readonly<Record<string, unknown>> = {}) =>
    JSON.stringify({
      version: 1,
      status: "prepared",
      branch: "gitune/release",
      commit,
      versions: [{ project: "colors", from: "1.2.0", to: "1.3.0", kind: "minor", lines: ["Rows of `train`: 3 added"] }],
      ...more,
    });
  const nothing = (commit: string) => ({ version: 1, base: commit, exit_code: 0, projects: [] });
  const set = (text: (commit: string) => string, more: Readonly<Record<string, unknown>> = {}) => {
    const commit = repository.git("rev-parse", "rows");
    const stdout = JSON.stringify(nothing(commit));
    repository.write({ "scenario.json": JSON.stringify({ stdout, versions: text(commit), ...more }) });
  };

  it("is made, updated in place, and left to people", async () => {
    script(nothing);
    set((commit) => versions(commit));
    const job = await runScripted();
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "true"], job.log);
    const [pull] = await pulls();
    assert.deepEqual([pull?.title, pull?.head.ref], ["Release adapters", "gitune/release"]);
    assert.match(pull?.body ?? "", /### `colors` 1\.2\.0 → 1\.3\.0 \(minor\)\n\n- Rows of `train`: 3 added/);
    set((commit) => versions(commit).replaceAll("1.3.0", "2.0.0"));
    await runScripted();
    set((commit) => versions(commit, { status: "held" }).replaceAll("1.3.0", "3.0.0"));
    await runScripted();
    const all = await pulls();
    assert.equal(all.length, 1);
    assert.match(all[0]?.body ?? "", /colors@2\.0\.0/);
  });

  it("that cannot be read is a failure, and no branch but its own is pushed to", async () => {
    script(nothing);
    set((commit) => versions(commit, { branch: "main" }));
    const main = remote("rev-parse", "main");
    const job = await runScripted();
    assert.equal(job.conclusion, "failure");
    assert.match((await issues())[0]?.body ?? "", /next versions/);
    assert.deepEqual([remote("rev-parse", "main"), await pulls()], [main, []]);
  });
});

describe("GitHub", () => {
  it("a gate that says no: a pull request all the same, a green run, and the issue", async () => {
    script(proposed({ verdict: "fail", run: { exit_code: 1, comment: "## fail" } }), { exitCode: 1 });
    const job = await runScripted();
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "false"], job.log);
    assert.equal((await pulls()).length, 1);
    assert.match((await issues())[0]?.body ?? "", /the gate says no \(\[pull request\]\(http/);
    const [check, ...others] = github.checkRuns;
    assert.deepEqual([check?.conclusion, check?.headSha, others], ["failure", remote("rev-parse", BRANCH), []]);
  });

  it("without checks: write proposes all the same, with a warning that names it", async () => {
    script(proposed());
    const text = readFileSync(WORKFLOW, "utf8");
    repository.write({ ".github/workflows/nightly.yml": text.replace("checks: write", "checks: read") });
    const workflow = join(repository.root, ".github/workflows/nightly.yml");
    const job = await run({ action: scripted, keepsClone: true, workflow });
    assert.deepEqual([job.conclusion, (await pulls()).length], ["success", 1], job.log);
    assert.deepEqual([titles(job), github.checkRuns], [["gitune: no check"], []]);
    assert.match(job.annotations[0]?.message ?? "", /the token lacks `checks: write`/);
  });

  it("makes no check where a token of an app lets workflows start", async () => {
    script(proposed());
    const app = github.issueToken(ACTIONS_BOT, { contents: "write", "pull-requests": "write", issues: "write" });
    const text = readFileSync(WORKFLOW, "utf8");
    const own = text.replace("source-env: FEEDBACK_KEY", `source-env: FEEDBACK_KEY\n          github-token: ${app}`);
    repository.write({ ".github/workflows/nightly.yml": own });
    const workflow = join(repository.root, ".github/workflows/nightly.yml");
    const job = await run({ action: scripted, keepsClone: true, workflow });
    assert.deepEqual([job.conclusion, (await pulls()).length], ["success", 1], job.log);
    assert.deepEqual([job.annotations, github.checkRuns], [[], []]);
    assert.doesNotMatch((await pulls())[0]?.body ?? "", /GitHub starts no workflows/);
  });

  it("a source of which most rows are not fit has drifted", async () => {
    const source = { ...project("").sources[0], new: 2, known: 3, quarantined: 30 };
    script(proposed({ sources: [source], quarantine: { "row.enum": 30 } }));
    await runScripted();
    assert.match((await issues())[0]?.body ?? "", /30 of 35 rows of source `feedback` are not fit/);
    assert.match((await pulls())[0]?.body ?? "", /30 × `row.enum`/);
  });

  it("missed runs are noticed, and said in the issue", async () => {
    script((commit) => ({ version: 1, base: commit, exit_code: 0, projects: [] }));
    github.setSuccesses([new Date(Date.now() - 30 * 3_600_000)]);
    assert.equal((await runScripted()).outputs["healthy"], "true");
    github.setSuccesses([new Date(Date.now() - 6 * 24 * 3_600_000)]);
    const job = await runScripted();
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "false"]);
    assert.match((await issues())[0]?.body ?? "", /Runs are missing: the last one that ended well began 6 days before/);
  });

  it("a pull request that somebody closed comes back only with new rows", async () => {
    script(proposed());
    await runScripted();
    const [pull] = await pulls();
    await rest().pulls.update({ ...where(), pull_number: pull?.number ?? 0, state: "closed" });
    const scenario = JSON.parse(readFileSync(join(repository.root, "scenario.json"), "utf8")) as { stdout: string };
    const pending = scenario.stdout.replace('"status":"proposed"', '"status":"pending"');
    repository.write({ "scenario.json": JSON.stringify({ stdout: pending }) });
    await runScripted();
    assert.deepEqual(
      (await pulls()).map(({ state }) => state),
      ["closed"],
    );
    repository.write({ "scenario.json": JSON.stringify(scenario) });
    await runScripted();
    assert.deepEqual((await pulls()).map(({ state }) => state).sort(), ["closed", "open"]);
  });

  it("lost answers lead to one pull request and one issue", async () => {
    script(proposed({ run: { exit_code: 1, comment: "x" } }), { exitCode: 1 });
    github.fail({ match: /^POST .*\/pulls$/, answer: "cut-after" });
    github.fail({ match: /^POST .*\/issues$/, answer: "cut-after" });
    github.fail({ match: /^GET .*\/pulls$/, answer: 502 });
    const job = await runScripted();
    assert.equal(job.conclusion, "success", job.log);
    assert.deepEqual([(await pulls()).length, (await issues()).length], [1, 1]);
  });

  it("without the rights: red, and it says what to add", async () => {
    script(proposed());
    const text = readFileSync(WORKFLOW, "utf8");
    repository.write({ ".github/workflows/nightly.yml": text.replace("contents: write", "contents: read") });
    const job = await run({
      action: scripted,
      keepsClone: true,
      workflow: join(repository.root, ".github/workflows/nightly.yml"),
    });
    assert.equal(job.conclusion, "failure");
    assert.match(job.annotations.map(({ message }) => message).join("\n"), /contents: write\n {2}pull-requests: write/);
    assert.match((await issues())[0]?.body ?? "", /permissions/);
  });

  it("a setting that forbids pull requests is named", async () => {
    script(proposed());
    github.fail({
      match: /^POST .*\/pulls$/,
      answer: 403,
      message: "GitHub Actions is not permitted to create or approve pull requests.",
      times: 9,
    });
    const job = await runScripted();
    assert.equal(job.conclusion, "failure");
    assert.match(job.annotations.map(({ message }) => message).join("\n"), /repository's settings/);
  });
});
