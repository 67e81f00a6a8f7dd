/** How the action gets the engine's dependencies: from a cache, else from the lockfile. `npm` itself is not run. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import type { Json } from "../support/workflow-runner/expressions.js";
import { runWorkflow } from "../support/workflow-runner/run-workflow.js";

const ANSWER = JSON.stringify({ version: 1, verdict: "pass", projects: [], comment: "fine" });

let github: GitHubServer;
let pull: PullRequestFixture;
let bare: ActionFolder;
let installed: ActionFolder;
let bin: string;
let npmCalls: string;

before(async () => {
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  pull = await makePullRequest(github, { base: { a: "1" }, head: { a: "2" } });
  const cli = { source: `console.log(${JSON.stringify(ANSWER)})` };
  bare = await makeActionFolder(cli, { isInstalled: false });
  installed = await makeActionFolder(cli);
  bin = mkdtempSync(join(tmpdir(), "gitune-npm-"));
  npmCalls = join(bin, "calls");
  writeFileSync(join(bin, "npm"), `#!/bin/sh\necho "$PWD: $*" >> "${npmCalls}"\n`);
  chmodSync(join(bin, "npm"), 0o755);
});
after(async () => {
  await github.close();
  for (const folder of [pull, bare, installed]) folder.remove();
  rmSync(bin, { recursive: true, force: true });
});
beforeEach(() => rmSync(npmCalls, { force: true }));

async function run(action: ActionFolder, isCacheHit: boolean) {
  const cacheCalls: Readonly<Record<string, Json>>[] = [];
  const nodeVersions: Json[] = [];
  const file = "../../fixtures/workflows/.github/workflows/gate.yml";
  const { jobs } = await runWorkflow({
    workflow: fileURLToPath(new URL(file, import.meta.url)),
    ...onPullRequest(github, pull),
    runNumber: 1,
    actions: {
      "actions/checkout": () => ({}),
      "actions/setup-node": ({ inputs, addPath }) => {
        nodeVersions.push(inputs["node-version"] ?? null);
        addPath(bin);
        return {};
      },
      "actions/cache": ({ inputs }) => {
        cacheCalls.push(inputs);
        return { "cache-hit": String(isCacheHit) };
      },
      "gitune/gitune/packages/action": action.dir,
    },
  });
  const job = jobs["gate"]?.[0];
  assert.equal(job?.conclusion, "success", job?.log);
  const calls = existsSync(npmCalls) ? readFileSync(npmCalls, "utf8").trim().split("\n") : [];
  return { cacheCalls, calls, nodeVersions };
}

describe("the engine's dependencies", () => {
  it("come from the lockfile where there is no cache", async () => {
    const { cacheCalls, calls, nodeVersions } = await run(bare, false);
    const root = join(bare.dir, "../..");
    assert.deepEqual(calls, [`${root}: ci --omit=dev --no-audit --no-fund`]);
    assert.match(String(cacheCalls[0]?.["key"]), /^gitune-engine-linux-\w+-node\d+-[0-9a-f]{32}$/);
    assert.deepEqual(String(cacheCalls[0]?.["path"]).trim().split("\n"), [
      `${root}/node_modules`,
      `${root}/packages/*/node_modules`,
    ]);
    assert.deepEqual(nodeVersions, [24]);
  });

  it("come from the cache where it has them", async () => {
    const { cacheCalls, calls } = await run(bare, true);
    assert.equal(cacheCalls.length, 1);
    assert.deepEqual(calls, []);
  });

  it("are taken as they are in gitune's own checkout", async () => {
    const { cacheCalls, calls } = await run(installed, false);
    assert.deepEqual([cacheCalls, calls], [[], []]);
  });
});
