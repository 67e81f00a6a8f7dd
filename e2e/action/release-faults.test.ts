/**
 * The step that makes the GitHub release, as the process that the action starts: one thing goes wrong at each of its
 * requests in turn, where there is no release yet, one that somebody has written in, and a draft.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import type { Fault } from "../support/github-server/faults.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { OWNER, REPO } from "../support/pull-request.js";

/** Most of a case is waiting between two tries. */
const WORLDS = 6;
const RIGHTS = { contents: "write", attestations: "read" } as const;
/** What is there before the step: nothing, or a release that a person made. */
const STARTS = [null, { draft: false }, { draft: true }] as const;
const WORDS = "Thanks to everybody who sent rows.";

interface World {
  readonly github: GitHubServer;
  readonly dir: string;
}

interface Case {
  readonly start: (typeof STARTS)[number];
  /** The request that the fault is at, from 1. */
  readonly at: number;
}

let action: ActionFolder;
let worlds: readonly World[];
let cases: readonly Case[];
let tags = 0;
const counts: FaultCount[] = [];

before(async () => {
  action = await makeActionFolder({ source: "" });
  worlds = await Promise.all(
    Array.from({ length: WORLDS }, async () => ({
      github: await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] }),
      dir: mkdtempSync(join(tmpdir(), "gitune-release-faults-")),
    })),
  );
  const [world] = worlds as [World];
  const found: Case[] = [];
  for (const start of STARTS) {
    const tag = await open(world, start);
    await step(world, tag);
    const requests = world.github.log.length;
    assert.equal(await problemOf(world, tag, start), null);
    found.push(...Array.from({ length: requests }, (_, i) => ({ start, at: i + 1 })));
  }
  cases = found;
});
after(async () => {
  for (const { github, dir } of worlds) {
    await github.close();
    rmSync(dir, { recursive: true });
  }
  action.remove();
});

const repos = ({ github }: World) => getOctokit(github.issueToken(OWNER), { baseUrl: github.url }).rest.repos;

/** A new tag, and what is there for it. Requests count from 1 afterwards. */
async function open(world: World, start: Case["start"]): Promise<string> {
  tags += 1;
  const tag = `colours@9.0.${tags}`;
  const release = { owner: OWNER, repo: REPO, tag_name: tag, name: "Redder", body: WORDS };
  if (start) await repos(world).createRelease({ ...release, ...start });
  world.github.calm();
  return tag;
}

/** @returns all that the step printed */
function step({ github, dir }: World, tag: string): Promise<string> {
  const result = {
    version: 1,
    status: "published",
    tag,
    commit: "1".repeat(40),
    verdict: "pass",
    compared_with: null,
    adapter: { path: "adapter", sha256: "2".repeat(64) },
    files: [],
    hub: { repository: "acme/colours-lora", url: "https://hub.invalid/acme/colours-lora", commit: "3".repeat(40) },
    plan: null,
    changelog: null,
    issues: [],
    report_text: "the report",
  };
  writeFileSync(join(dir, "result.json"), JSON.stringify(result));
  const env = {
    PATH: process.env["PATH"] ?? "",
    GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
    GITHUB_API_URL: github.url,
    GITHUB_SERVER_URL: github.url,
    GITHUB_WORKFLOW_REF: `${OWNER}/${REPO}/.github/workflows/release.yml@refs/tags/${tag}`,
    GITHUB_RUN_ID: "900",
    GITHUB_RUN_NUMBER: "7",
    GITHUB_RUN_ATTEMPT: "1",
    INPUT_RESULT_FILE: join(dir, "result.json"),
    INPUT_GITHUB_TOKEN: github.issueToken(ACTIONS_BOT, RIGHTS),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(action.dir, "bundle/release.mjs")], { env }, (error, stdout, stderr) => {
      resolve(`${stdout}${stderr}${error ? "\nfailed" : ""}`);
    });
  });
}

/** @returns what is not as it should be; null where one release is there, with all words once */
async function problemOf(world: World, tag: string, start: Case["start"]): Promise<string | null> {
  const { data } = await repos(world).listReleases({ owner: OWNER, repo: REPO, per_page: 100 });
  const [release, ...others] = data.filter(({ tag_name: name }) => name === tag);
  // Never, whatever fails.
  assert.deepEqual(others, [], "a second release");
  if (!release || release.draft) return "no release";
  const body = release.body ?? "";
  if (start) assert.ok(body.startsWith(WORDS) && release.name === "Redder", body);
  const notes = body.match(/<!-- gitune:notes -->[\s\S]*?the report[\s\S]*?<!-- \/gitune:notes -->/g) ?? [];
  return notes.length === 1 ? null : `${notes.length} times the notes`;
}

/** Injects the faults in every case; where a run does not end well it says so, and the next one ends well. */
async function each(fault: string, faults: (at: number) => readonly Fault[], said: RegExp): Promise<FaultCount> {
  const left = [...cases];
  let [sameRun, nextRun] = [0, 0];
  await Promise.all(
    worlds.map(async (world) => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const { start, at } = one;
        const tag = await open(world, start);
        for (const each of faults(at)) world.github.fail(each);
        const before = world.github.injected();
        const output = await step(world, tag);
        assert.ok(world.github.injected() > before, `request ${at} did not come`);
        world.github.calmFaults();
        if (!output.endsWith("\nfailed")) sameRun += 1;
        else {
          assert.match(output, said);
          assert.doesNotMatch(await step(world, tag), /failed$/);
          nextRun += 1;
        }
        assert.equal(await problemOf(world, tag, start), null, `${JSON.stringify(start)}, request ${at}`);
      }
    }),
  );
  const count = { fault, injected: cases.length, sameRun, nextRun, refused: 0 };
  assert.equal(sameRun + nextRun, cases.length);
  counts.push(count);
  return count;
}

describe("one fault at each request of the step that makes the GitHub release", { timeout: 600_000 }, () => {
  for (const [words, fault] of [
    ["status 500 at one request", { answer: 500 }],
    ["status 429 at one request", { answer: 429 }],
    ["connection cut before the effect of one request", { answer: "cut-before" }],
    ["connection cut after the effect of one request", { answer: "cut-after" }],
  ] as const) {
    it(`${words}: the same run ends well`, async () => {
      const { injected, sameRun } = await each(words, (at) => [{ at, ...fault }], /never/);
      assert.equal(sameRun, injected);
    });
  }

  it("the rate limit is used up: the run says until when, and the next one ends well", async () => {
    const reset = String(Math.ceil(Date.now() / 1000) + 1800);
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset };
    const said = /is on the Hub.*rate limit is used up; it starts again at \d\d:\d\d UTC/;
    const { injected, nextRun } = await each(
      "rate limit used up at one request",
      (at) => [{ at, answer: 403, headers, message: "API rate limit exceeded" }],
      said,
    );
    assert.equal(nextRun, injected);
  });

  it("GitHub is down from there: the next run ends well", async () => {
    const { injected, nextRun } = await each(
      "down from one request on, that one cut after its effect",
      (at) => [
        { at, answer: "cut-after" },
        { at, answer: "cut-before", times: Number.POSITIVE_INFINITY },
      ],
      /is on the Hub.*Run the failed job again/,
    );
    assert.equal(nextRun, injected);
  });

  it("are counted in docs/reliability.md", () => checkFaultTable("github-release-step", counts));
});
