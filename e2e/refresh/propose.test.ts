/** What the nightly action makes of a refresh's answer, honest or not, against the GitHub stand-in with real git behind it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import { ACTIONS_BOT } from "../support/github-server/server.js";
import {
  BRANCH,
  documentProject,
  KEY,
  NIGHTLY_WORKFLOW,
  NightlyWorld,
  proposed,
  titles,
} from "../support/nightly-world.js";

let world: NightlyWorld;

before(async () => {
  world = await NightlyWorld.start(30);
});
after(() => world.close());
beforeEach(() => world.next());
afterEach(() => world.repository.remove());

it("our own workflow proposes by the reusable one", async () => {
  world.script(proposed());
  const job = await world.run("scripted", { workflow: join(REPOSITORY, ".github/workflows/nightly.yml") });
  assert.equal(job.conclusion, "success", job.log);
  const [pull] = await world.pulls();
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
    const source = { ...documentProject("").sources[0], status: "failed", issues: [issue] };
    world.script(proposed({ run: { exit_code: 1, comment: hostile }, sources: [source] }), {
      exitCode: 3,
      stderr: hostile,
    });
    const job = await world.run("scripted");
    const texts = [(await world.pulls())[0]?.body ?? "", (await world.issues())[0]?.body ?? "", job.summary];
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
    world.script(proposed(), { stderr: `the key is ${KEY}\n` });
    const job = await world.run("scripted");
    assert.equal(job.conclusion, "success", job.log);
    const { env } = JSON.parse(readFileSync(join(world.repository.root, "seen.json"), "utf8")) as {
      env: Record<string, string>;
    };
    assert.equal(env["FEEDBACK_KEY"], KEY);
    const names = Object.keys(env).filter((key) => /TOKEN|^INPUT_|^ACTIONS_|_ENV$|_OUTPUT$/.test(key));
    assert.deepEqual(names, []);
    assert.ok(!job.log.includes(KEY), "masked, even where the pipeline prints it");
  });

  it("another branch than the project's is never pushed to", async () => {
    for (const branch of ["main", "gitune/refresh-other", `${BRANCH}:refs/heads/main`]) {
      world.script(proposed({ branch }));
      const main = world.remote("rev-parse", "main");
      const job = await world.run("scripted");
      assert.equal(job.conclusion, "failure", branch);
      assert.deepEqual(
        [world.remote("rev-parse", "main"), world.remote("for-each-ref", "--format=%(refname)")],
        [main, "refs/heads/main"],
      );
      assert.match((await world.issues())[0]?.body ?? "", /unreadable/);
      world.repository.remove();
      world.next();
    }
    world.open({ readme: "x" });
  });

  it("a config or a hook of the checkout sees nothing of the token", async () => {
    world.script(proposed());
    const trap = mkdtempSync(join(tmpdir(), "gitune-trap-"));
    world.repository.git("config", "url.http://127.0.0.1:1/.insteadOf", `${world.github.url}/`);
    world.repository.git("config", "credential.helper", `!touch ${trap}/helper; cat`);
    world.repository.git("config", "core.hooksPath", trap);
    const job = await world.run("scripted", { keepsClone: true });
    assert.equal(job.conclusion, "success", job.log);
    assert.match(world.remote("log", "--format=%s", BRANCH), /Rows/);
    assert.equal(execFileSync("ls", [trap], { encoding: "utf8" }), "");
    rmSync(trap, { recursive: true });
  });

  it("a report of 200,000 characters fits", async () => {
    world.script(proposed({ run: { exit_code: 0, comment: "| a row of the report |\n".repeat(10_000) } }));
    assert.equal((await world.run("scripted")).conclusion, "success");
    const body = (await world.pulls())[0]?.body ?? "";
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
    const commit = world.repository.git("rev-parse", "rows");
    const stdout = JSON.stringify(nothing(commit));
    world.repository.write({ "scenario.json": JSON.stringify({ stdout, versions: text(commit), ...more }) });
  };

  it("is made, updated in place, and left to people", async () => {
    world.script(nothing);
    set((commit) => versions(commit));
    const job = await world.run("scripted");
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "true"], job.log);
    const [pull] = await world.pulls();
    assert.deepEqual([pull?.title, pull?.head.ref], ["Release adapters", "gitune/release"]);
    assert.match(pull?.body ?? "", /### `colors` 1\.2\.0 → 1\.3\.0 \(minor\)\n\n- Rows of `train`: 3 added/);
    set((commit) => versions(commit).replaceAll("1.3.0", "2.0.0"));
    await world.run("scripted");
    set((commit) => versions(commit, { status: "held" }).replaceAll("1.3.0", "3.0.0"));
    await world.run("scripted");
    const all = await world.pulls();
    assert.equal(all.length, 1);
    assert.match(all[0]?.body ?? "", /colors@2\.0\.0/);
  });

  it("that cannot be read is a failure, and no branch but its own is pushed to", async () => {
    world.script(nothing);
    set((commit) => versions(commit, { branch: "main" }));
    const main = world.remote("rev-parse", "main");
    const job = await world.run("scripted");
    assert.equal(job.conclusion, "failure");
    assert.match((await world.issues())[0]?.body ?? "", /next versions/);
    assert.deepEqual([world.remote("rev-parse", "main"), await world.pulls()], [main, []]);
  });
});

describe("GitHub", () => {
  it("a gate that says no: a pull request all the same, a green run, and the issue", async () => {
    world.script(proposed({ verdict: "fail", run: { exit_code: 1, comment: "## fail" } }), { exitCode: 1 });
    const job = await world.run("scripted");
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "false"], job.log);
    assert.equal((await world.pulls()).length, 1);
    assert.match((await world.issues())[0]?.body ?? "", /the gate says no \(\[pull request\]\(http/);
    const [check, ...others] = world.github.checkRuns;
    assert.deepEqual([check?.conclusion, check?.headSha, others], ["failure", world.remote("rev-parse", BRANCH), []]);
  });

  it("without checks: write proposes all the same, with a warning that names it", async () => {
    world.script(proposed());
    const text = readFileSync(NIGHTLY_WORKFLOW, "utf8");
    world.repository.write({ ".github/workflows/nightly.yml": text.replace("checks: write", "checks: read") });
    const workflow = join(world.repository.root, ".github/workflows/nightly.yml");
    const job = await world.run("scripted", { keepsClone: true, workflow });
    assert.deepEqual([job.conclusion, (await world.pulls()).length], ["success", 1], job.log);
    assert.deepEqual([titles(job), world.github.checkRuns], [["gitune: no check"], []]);
    assert.match(job.annotations[0]?.message ?? "", /the token lacks `checks: write`/);
  });

  it("makes no check where a token of an app lets workflows start", async () => {
    world.script(proposed());
    const app = world.github.issueToken(ACTIONS_BOT, { contents: "write", "pull-requests": "write", issues: "write" });
    const text = readFileSync(NIGHTLY_WORKFLOW, "utf8");
    const own = text.replace("source-env: FEEDBACK_KEY", `source-env: FEEDBACK_KEY\n          github-token: ${app}`);
    world.repository.write({ ".github/workflows/nightly.yml": own });
    const workflow = join(world.repository.root, ".github/workflows/nightly.yml");
    const job = await world.run("scripted", { keepsClone: true, workflow });
    assert.deepEqual([job.conclusion, (await world.pulls()).length], ["success", 1], job.log);
    assert.deepEqual([job.annotations, world.github.checkRuns], [[], []]);
    assert.doesNotMatch((await world.pulls())[0]?.body ?? "", /GitHub starts no workflows/);
  });

  it("a source of which most rows are not fit has drifted", async () => {
    const source = { ...documentProject("").sources[0], new: 2, known: 3, quarantined: 30 };
    world.script(proposed({ sources: [source], quarantine: { "row.enum": 30 } }));
    await world.run("scripted");
    assert.match((await world.issues())[0]?.body ?? "", /30 of 35 rows of source `feedback` are not fit/);
    assert.match((await world.pulls())[0]?.body ?? "", /30 × `row.enum`/);
  });

  it("missed runs are noticed, and said in the issue", async () => {
    world.script((commit) => ({ version: 1, base: commit, exit_code: 0, projects: [] }));
    world.github.setSuccesses([new Date(Date.now() - 30 * 3_600_000)]);
    assert.equal((await world.run("scripted")).outputs["healthy"], "true");
    world.github.setSuccesses([new Date(Date.now() - 6 * 24 * 3_600_000)]);
    const job = await world.run("scripted");
    assert.deepEqual([job.conclusion, job.outputs["healthy"]], ["success", "false"]);
    assert.match(
      (await world.issues())[0]?.body ?? "",
      /Runs are missing: the last one that ended well began 6 days before/,
    );
  });

  it("a pull request that somebody closed comes back only with new rows", async () => {
    world.script(proposed());
    await world.run("scripted");
    const [pull] = await world.pulls();
    await world.rest.pulls.update({ ...world.where, pull_number: pull?.number ?? 0, state: "closed" });
    const scenario = JSON.parse(readFileSync(join(world.repository.root, "scenario.json"), "utf8")) as {
      stdout: string;
    };
    const pending = scenario.stdout.replace('"status":"proposed"', '"status":"pending"');
    world.repository.write({ "scenario.json": JSON.stringify({ stdout: pending }) });
    await world.run("scripted");
    assert.deepEqual(
      (await world.pulls()).map(({ state }) => state),
      ["closed"],
    );
    world.repository.write({ "scenario.json": JSON.stringify(scenario) });
    await world.run("scripted");
    assert.deepEqual((await world.pulls()).map(({ state }) => state).sort(), ["closed", "open"]);
  });

  it("lost answers lead to one pull request and one issue", async () => {
    world.script(proposed({ run: { exit_code: 1, comment: "x" } }), { exitCode: 1 });
    world.github.fail({ match: /^POST .*\/pulls$/, answer: "cut-after" });
    world.github.fail({ match: /^POST .*\/issues$/, answer: "cut-after" });
    world.github.fail({ match: /^GET .*\/pulls$/, answer: 502 });
    const job = await world.run("scripted");
    assert.equal(job.conclusion, "success", job.log);
    assert.deepEqual([(await world.pulls()).length, (await world.issues()).length], [1, 1]);
  });

  it("without the rights: red, and it says what to add", async () => {
    world.script(proposed());
    const text = readFileSync(NIGHTLY_WORKFLOW, "utf8");
    world.repository.write({ ".github/workflows/nightly.yml": text.replace("contents: write", "contents: read") });
    const job = await world.run("scripted", {
      keepsClone: true,
      workflow: join(world.repository.root, ".github/workflows/nightly.yml"),
    });
    assert.equal(job.conclusion, "failure");
    assert.match(job.annotations.map(({ message }) => message).join("\n"), /contents: write\n {2}pull-requests: write/);
    assert.match((await world.issues())[0]?.body ?? "", /permissions/);
  });

  it("a setting that forbids pull requests is named", async () => {
    world.script(proposed());
    world.github.fail({
      match: /^POST .*\/pulls$/,
      answer: 403,
      message: "GitHub Actions is not permitted to create or approve pull requests.",
      times: 9,
    });
    const job = await world.run("scripted");
    assert.equal(job.conclusion, "failure");
    assert.match(job.annotations.map(({ message }) => message).join("\n"), /repository's settings/);
  });

  it("a rate limit is no missing permission: it is said with its end", async () => {
    world.script(proposed());
    const reset = String(Math.ceil(Date.now() / 1000) + 1800);
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset };
    world.github.fail({ match: /^GET .*\/pulls$/, answer: 403, headers });
    const said = (await world.run("scripted")).annotations.map(({ message }) => message).join("\n");
    assert.match(said, /rate limit is used up; it starts again at \d\d:\d\d UTC/);
    assert.doesNotMatch(said, /permissions:/);
  });
});

it("no token is in any log, page or commit, in any spelling", () => {
  world.open({ readme: "x" });
  world.assertNoLeaks();
});
