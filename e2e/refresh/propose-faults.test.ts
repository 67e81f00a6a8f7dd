/**
 * One thing goes wrong at each request of the step that proposes, in turn: git's push, the pull request, the gate's check run
 * and the issue, once for a first proposal and once for more rows on top of one. Git is real.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import { GitRepository } from "../support/git-repository.js";
import { type Fault, PASSING_FAULTS } from "../support/github-server/faults.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";

/** Most of the time is spent waiting before another try. */
const WORLDS = 6;
const OWNER = "octo";
const BRANCH = "gitune/refresh-colors";
const RIGHTS = {
  actions: "read",
  checks: "write",
  contents: "write",
  issues: "write",
  "pull-requests": "write",
} as const;
/** One for each first proposal, since nothing takes a pull request back. */
const REPOSITORIES = 40;

/** A GitHub, and a checkout with the two commits that are proposed, one on top of the other. */
interface World {
  readonly github: GitHubServer;
  readonly checkout: GitRepository;
  readonly commits: readonly [string, string];
  readonly dir: string;
  runs: number;
  used: number;
}

/** What is proposed: the first commit, or the second where the first is proposed already. */
const MOMENTS = ["a first proposal", "more rows"] as const;
type Moment = (typeof MOMENTS)[number];

let action: ActionFolder;
let worlds: readonly World[];
/** Requests of a run without any fault. */
const requests = new Map<Moment, number>();
const counts: FaultCount[] = [];

before(async () => {
  action = await makeActionFolder({ source: "" });
  worlds = await Promise.all(Array.from({ length: WORLDS }, makeWorld));
  const [world] = worlds as [World];
  world.used += 1;
  for (const moment of MOMENTS) {
    world.github.calm();
    assert.equal((await propose(world, moment)).code, 0);
    requests.set(moment, world.github.log.length);
    assert.equal(await problemOf(world, moment), null);
  }
});
after(async () => {
  for (const { github, checkout, dir } of worlds) {
    await github.close();
    checkout.remove();
    rmSync(dir, { recursive: true });
  }
  action.remove();
});

async function makeWorld(): Promise<World> {
  const repositories = Array.from({ length: REPOSITORIES }, (_, at) => `${OWNER}/rows-${at}`);
  const github = await startGitHub({ users: [OWNER], repositories });
  const checkout = new GitRepository({ rows: "0" });
  const commits = [checkout.commit("One row", { rows: "1" }), checkout.commit("Two rows", { rows: "2" })] as const;
  return { github, checkout, commits, dir: mkdtempSync(join(tmpdir(), "gitune-faults-")), runs: 0, used: -1 };
}

const repositoryOf = ({ used }: World): string => `rows-${used}`;
const commitOf = ({ commits }: World, moment: Moment): string => commits[moment === "more rows" ? 1 : 0];
const restOf = ({ github }: World) => getOctokit(github.issueToken(OWNER), { baseUrl: github.url }).rest;

/** @returns what the branch is on GitHub; empty where it is not there */
function branchOf({ github, used }: World): string {
  const folder = github.gitFolder(`${OWNER}/rows-${used}`);
  return execFileSync("git", ["-C", folder, "for-each-ref", "--format=%(objectname)", `refs/heads/${BRANCH}`], {
    encoding: "utf8",
  }).trim();
}

/** The step that proposes. Where the branch has the commit already, the step before has said so, as `gitune refresh` does. */
function propose(world: World, moment: Moment): Promise<{ readonly code: number; readonly output: string }> {
  const { github, checkout, dir } = world;
  world.runs += 1;
  const commit = commitOf(world, moment);
  const source = { name: "tickets", type: "http", status: "read", new: 1, known: 0, passed_over: 0, quarantined: 0 };
  const document = {
    version: 1,
    exit_code: 1,
    issues: [],
    projects: [
      {
        name: "colors",
        status: branchOf(world) === commit ? "pending" : "proposed",
        branch: BRANCH,
        commit,
        verdict: "fail",
        sources: [{ ...source, issues: [] }],
        quarantine: {},
        drift: [],
        issues: [],
        run: { exit_code: 1, comment: `## the report of ${commit}` },
      },
    ],
  };
  writeFileSync(join(dir, "refresh.json"), JSON.stringify(document));
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    GITHUB_WORKSPACE: checkout.root,
    GITHUB_REPOSITORY: `${OWNER}/${repositoryOf(world)}`,
    GITHUB_API_URL: github.url,
    GITHUB_SERVER_URL: github.url,
    GITHUB_WORKFLOW_REF: `${OWNER}/${repositoryOf(world)}/.github/workflows/nightly.yml@refs/heads/main`,
    GITHUB_RUN_ID: String(900 + world.runs),
    GITHUB_RUN_NUMBER: String(world.runs),
    GITHUB_RUN_ATTEMPT: "1",
    INPUT_GITHUB_TOKEN: github.issueToken(ACTIONS_BOT, RIGHTS),
    INPUT_IS_DEFAULT_TOKEN: "true",
    INPUT_MAX_AGE_HOURS: "50",
    INPUT_RESULT_FILE: join(dir, "refresh.json"),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(action.dir, "bundle/propose.mjs")], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}

/** @returns what is not as it should be after a run; null where all is right, whole, and there once */
async function problemOf(world: World, moment: Moment): Promise<string | null> {
  const [rest, where] = [restOf(world), { owner: OWNER, repo: repositoryOf(world) }];
  const commit = commitOf(world, moment);
  const pulls = (await rest.pulls.list({ ...where, state: "all" })).data;
  const issues = (await rest.issues.listForRepo({ ...where, state: "all" })).data.filter((one) => !one.pull_request);
  const checks = world.github.checkRuns.filter(({ headSha }) => headSha === commit);
  // Never, whatever fails.
  assert.ok(pulls.length < 2, "a second pull request");
  assert.ok(issues.length < 2, "a second issue");
  assert.ok(checks.length < 2, "a second check run of the commit");
  if (branchOf(world) !== commit) return "the branch has not moved";
  if (pulls[0]?.state !== "open") return "there is no pull request";
  const body = pulls[0].body ?? "";
  if (!body.includes(`the report of ${commit}`) || !body.includes(`Commit ${commit.slice(0, 7)} `))
    return "the pull request speaks of another commit";
  if (checks[0]?.status !== "completed" || checks[0].conclusion !== "failure") return "the gate's word is not there";
  const said = (issues[0]?.body ?? "").split("\n").filter((line) => line.startsWith("- "));
  if (issues[0]?.state !== "open" || said.length !== 1 || !/the gate says no/.test(said[0] ?? ""))
    return `the issue does not say just what is wrong: ${said.join()}`;
  return null;
}

/** Injects the fault at each request in turn; where a run does not end well it says so, and the next one ends well. */
async function each(fault: string, faults: (at: number) => readonly Fault[]): Promise<FaultCount> {
  const most = Math.max(...requests.values());
  const points = Array.from({ length: most }, (_, i) => i + 1);
  const ended = { sameRun: 0, nextRun: 0 };
  await Promise.all(
    worlds.map(async (world) => {
      for (let at = points.shift(); at !== undefined; at = points.shift()) {
        // The second proposal goes on top of the first one's, whatever that has been through.
        world.used += 1;
        for (const moment of MOMENTS)
          if (at <= (requests.get(moment) ?? 0)) ended[await endOf(world, moment, at, faults(at))] += 1;
      }
    }),
  );
  const { sameRun, nextRun } = ended;
  const injected = [...requests.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(sameRun + nextRun, injected);
  const count = { fault, injected, sameRun, nextRun, refused: 0 };
  counts.push(count);
  return count;
}

/** @param at the request that fails, counted from 1 @returns which run ended well */
async function endOf(
  world: World,
  moment: Moment,
  at: number,
  faults: readonly Fault[],
): Promise<"sameRun" | "nextRun"> {
  const { github } = world;
  github.calm();
  for (const one of faults) github.fail(one);
  const before = github.injected();
  const { output } = await propose(world, moment);
  const name = `${moment}, request ${at}`;
  assert.ok(github.injected() > before, `${name} did not come`);
  github.calmFaults();
  const problem = await problemOf(world, moment);
  if (problem === null) return "sameRun";
  assert.match(output, /^::(?:error|warning) title=gitune/m, `${name}: ${problem}`);
  assert.equal((await propose(world, moment)).code, 0, name);
  assert.equal(await problemOf(world, moment), null, `${name}, the next run after: ${problem}`);
  return "nextRun";
}

describe("one fault at each request of a proposal", { timeout: 600_000 }, () => {
  // A cut before the effect is met as one after it is; the table of what is written on a pull request has both.
  for (const [words, fault] of PASSING_FAULTS.filter(([, { answer }]) => answer !== "cut-before")) {
    it(`${words}: the same run ends well`, async () => {
      const { injected, sameRun } = await each(words, (at) => [{ at, ...fault }]);
      assert.equal(sameRun, injected);
    });
  }

  it("status 403 at one request: what could be done is, and the next run does the rest", async () => {
    const { nextRun } = await each("status 403 at one request", (at) => [
      { at, answer: 403, message: "Resource not accessible by integration" },
    ]);
    assert.ok(nextRun > 0);
  });

  it("GitHub is down from there: the next run ends well", async () => {
    const { nextRun } = await each("down from one request on, that one cut after its effect", (at) => [
      { at, answer: "cut-after" },
      { at, answer: "cut-before", times: Number.POSITIVE_INFINITY },
    ]);
    assert.ok(nextRun > 0);
  });

  it("are counted in docs/reliability.md", () => checkFaultTable("proposal", counts));
});
