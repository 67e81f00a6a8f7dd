/**
 * How the action gets the engine's dependencies: from a cache, else from the lockfile, and CUDA's files where a driver is. `npm`
 * itself is not run, and neither is the runtime's own download.
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ActionFolder, makeActionFolder } from "../support/action-folder.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import type { Json } from "../support/workflow-runner/expressions.js";
import { runWorkflow } from "../support/workflow-runner/run-workflow.js";

const PROVIDER = "bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so";
/** Loaded before every script: the machine has NVIDIA's driver. */
const WITH_DRIVER = `import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { existsSync } = fs;
fs.existsSync = (path) => path === "/proc/driver/nvidia/version" || existsSync(path);
syncBuiltinESMExports();
`;
/** In place of onnxruntime-node's: fetches its library, or dies half way. */
const INSTALL_SCRIPT = `const { mkdirSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const file = join(__dirname, "..", "${PROVIDER}");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, process.env.ONNXRUNTIME_NODE_INSTALL);
if (process.env.NO_NUGET) throw new Error("getaddrinfo ENOTFOUND api.nuget.org");
`;
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
beforeEach(() => {
  rmSync(npmCalls, { force: true });
  rmSync(join(bare.root, "node_modules"), { recursive: true, force: true });
});

/** What `npm ci`, or a cache, brings of the runtime. */
function installRuntime(files: Readonly<Record<string, string>> = {}): void {
  const all = { "package.json": "{}", "script/install.js": INSTALL_SCRIPT, ...files };
  for (const [name, text] of Object.entries(all)) {
    const path = join(bare.root, "node_modules/onnxruntime-node", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const provider = () => {
  const path = join(bare.root, "node_modules/onnxruntime-node", PROVIDER);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
};

async function run(action: ActionFolder, isCacheHit: boolean, env: Readonly<Record<string, string>> = {}) {
  const cacheCalls: Readonly<Record<string, Json>>[] = [];
  const nodeVersions: Json[] = [];
  const file = "../../fixtures/workflows/.github/workflows/gate.yml";
  const { jobs } = await runWorkflow({
    workflow: fileURLToPath(new URL(file, import.meta.url)),
    ...onPullRequest(github, pull),
    runNumber: 1,
    env,
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
  return { cacheCalls, calls, nodeVersions, annotations: job?.annotations ?? [] };
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

describe("CUDA's files", () => {
  const withDriver = (more: Readonly<Record<string, string>> = {}) => {
    const preload = join(bin, "driver.mjs");
    writeFileSync(preload, WITH_DRIVER);
    return { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}`, ...more };
  };

  it("are left alone where no driver is", async () => {
    installRuntime();
    await run(bare, true);
    assert.equal(provider(), null);
  });

  it("are added where a driver is, by a cache that no other machine is given", async () => {
    installRuntime();
    const { cacheCalls, annotations } = await run(bare, true, withDriver());
    assert.equal(provider(), "cuda12");
    assert.match(String(cacheCalls[0]?.["key"]), /^gitune-engine-linux-x64-cuda-node\d+-[0-9a-f]{32}$/);
    assert.deepEqual(annotations, []);
  });

  it("are taken from the cache that has them", async () => {
    installRuntime({ [PROVIDER]: "cached" });
    await run(bare, true, withDriver({ NO_NUGET: "1" }));
    assert.equal(provider(), "cached");
  });

  it("that cannot be downloaded are a warning, and no half of them stays", async () => {
    installRuntime();
    const { annotations } = await run(bare, true, withDriver({ NO_NUGET: "1" }));
    assert.equal(provider(), null);
    assert.deepEqual(
      annotations.map(({ properties }) => properties["title"]),
      ["gitune: no CUDA files of ONNX Runtime"],
    );
    assert.match(annotations[0]?.message ?? "", /^their download ended with exit code 1\./);
  });
});
