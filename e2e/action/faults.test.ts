/**
 * One thing goes wrong at each request of the steps that write on a pull request, in turn: that it runs, then its check
 * run with more issues than one request takes, and the comment. The word must be there, whole, and once.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import { type Fault, PASSING_FAULTS } from "../support/github-server/faults.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";

/** Most of the time is spent waiting before another try. */
const WORLDS = 8;
const RIGHTS = { contents: "read", "pull-requests": "write", checks: "write" } as const;
const ISSUES = Array.from({ length: 60 }, (_, i) => ({
  code: "row.enum",
  severity: "error",
  file: "datasets/a/train.jsonl",
  line: i + 1,
  message: `issue ${i}`,
}));
const RESULT = {
  version: 1,
  verdict: "fail",
  exit_code: 1,
  projects: [],
  pending: [],
  issues: { errors: ISSUES.length, warnings: 0, notes: 0 },
  annotations: ISSUES,
  report_path: null,
  comment: "## the report",
};

/** A GitHub with one pull request. */
interface World {
  readonly github: GitHubServer;
  readonly pull: PullRequestFixture;
  readonly dir: string;
}

let action: ActionFolder;
let worlds: readonly World[];
/** Of a run without any fault. */
let requests = 0;
const counts: FaultCount[] = [];

before(async () => {
  action = await makeActionFolder({ source: "" });
  worlds = await Promise.all(Array.from({ length: WORLDS }, makeWorld));
  const [world] = worlds as [World];
  await fresh(world);
  await run(world, 1);
  requests = world.github.log.length;
  assert.equal(await problemOf(world, 1), null);
});
after(async () => {
  for (const { github, pull, dir } of worlds) {
    await github.close();
    pull.remove();
    rmSync(dir, { recursive: true });
  }
  action.remove();
});

async function makeWorld(): Promise<World> {
  const github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  const pull = await makePullRequest(github, { base: { a: "1" }, head: { a: "2" } });
  const dir = mkdtempSync(join(tmpdir(), "gitune-faults-"));
  writeFileSync(join(dir, "event.json"), JSON.stringify(pull.event().payload));
  writeFileSync(join(dir, "result.json"), JSON.stringify(RESULT));
  return { github, pull, dir };
}

/** What the workflow's jobs start, one after the other. @returns all that they printed */
async function run(world: World, attempt: number): Promise<string> {
  const running = await comment(world, attempt, { INPUT_STATE: "running" });
  return running + (await comment(world, attempt, { INPUT_RESULT_FILE: join(world.dir, "result.json") }));
}

function comment({ github, dir }: World, attempt: number, inputs: Readonly<Record<string, string>>): Promise<string> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
    GITHUB_API_URL: github.url,
    GITHUB_SERVER_URL: github.url,
    GITHUB_EVENT_PATH: join(dir, "event.json"),
    GITHUB_WORKFLOW_REF: `${OWNER}/${REPO}/.github/workflows/gitune.yml@refs/pull/1/merge`,
    GITHUB_RUN_ID: "900",
    GITHUB_RUN_NUMBER: "7",
    GITHUB_RUN_ATTEMPT: String(attempt),
    INPUT_GITHUB_TOKEN: github.issueToken(ACTIONS_BOT, RIGHTS),
    ...inputs,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(action.dir, "bundle/comment.mjs")], { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(stdout + stderr, { cause: error }));
      else resolve(stdout + stderr);
    });
  });
}

/** @returns what is not as it should be after an attempt; null where all is right, whole, and there once */
async function problemOf({ github, pull }: World, attempt: number): Promise<string | null> {
  const comments = await pull.comments();
  const [word, ...others] = comments;
  if (!word) return "no comment";
  // Never, whatever fails.
  assert.deepEqual(others, [], "a second comment");
  if (!word.body.includes("## the report")) return "the comment is not the report";
  const ids = github.checkRuns.map(({ externalId }) => externalId);
  assert.equal(new Set(ids).size, ids.length, "a second check run of one attempt");
  for (const { annotations } of github.checkRuns) {
    const lines = annotations.map((one) => one["start_line"]);
    assert.deepEqual(lines, [...new Set(lines)], "an issue is there twice");
  }
  const check = github.checkRuns.find(({ externalId }) => externalId.endsWith(`/900/${attempt}`));
  if (check?.conclusion !== "failure" || check.annotations.length !== ISSUES.length)
    return "the check run is not whole";
  const open = github.checkRuns.filter(({ status }) => status !== "completed");
  return open.length === 0 ? null : "a check run is left open";
}

/** Takes back all that earlier runs left. */
async function fresh({ github, pull }: World): Promise<void> {
  github.calm();
  for (const { id } of await pull.comments()) await pull.deleteComment(id);
  github.calm();
}

/** Injects the fault at each request in turn; where a run does not end well it says so, and the next one ends well. */
async function each(fault: string, faults: (at: number) => readonly Fault[]): Promise<FaultCount> {
  const points = Array.from({ length: requests }, (_, i) => i + 1);
  let [sameRun, nextRun] = [0, 0];
  await Promise.all(
    worlds.map(async (world) => {
      for (let at = points.shift(); at !== undefined; at = points.shift()) {
        await fresh(world);
        for (const one of faults(at)) world.github.fail(one);
        const before = world.github.injected();
        const output = await run(world, 1);
        assert.ok(world.github.injected() > before, `request ${at} did not come`);
        world.github.calmFaults();
        const problem = await problemOf(world, 1);
        if (problem === null) {
          sameRun += 1;
          continue;
        }
        assert.match(output, /::warning title=gitune%3A not posted::/, `request ${at}: ${problem}`);
        await run(world, 2);
        assert.equal(await problemOf(world, 2), null, `request ${at}, run again`);
        nextRun += 1;
      }
    }),
  );
  assert.equal(sameRun + nextRun, requests);
  const count = { fault, injected: requests, sameRun, nextRun, refused: 0 };
  counts.push(count);
  return count;
}

describe("one fault at each request of what is written on a pull request", { timeout: 600_000 }, () => {
  for (const [words, fault] of PASSING_FAULTS) {
    it(`${words}: the same run ends well`, async () => {
      const { injected, sameRun } = await each(words, (at) => [{ at, ...fault }]);
      assert.equal(sameRun, injected);
    });
  }

  it("status 403 at one request: what could be posted is, and the next run posts all", async () => {
    const { nextRun } = await each("status 403 at one request", (at) => [
      { at, answer: 403, message: "Resource not accessible by integration" },
    ]);
    assert.ok(nextRun > 0);
  });

  it("GitHub is down from there: the next run ends well", async () => {
    const { injected, nextRun } = await each("down from one request on, that one cut after its effect", (at) => [
      { at, answer: "cut-after" },
      { at, answer: "cut-before", times: Number.POSITIVE_INFINITY },
    ]);
    assert.ok(nextRun >= injected - 1, "only the very last effect may be the end");
  });

  it("are counted in docs/reliability.md", () => checkFaultTable("pull-request", counts));
});
