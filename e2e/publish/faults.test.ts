/** One thing goes wrong at each request of a publish in turn; the release must be right, whole, and there once. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { discoverProjects, GituneError, type Project } from "@gitune/core";
import { readPeftAdapter } from "@gitune/train";
import { checkBase, describeFiles, HubRepository, publishRelease, type ReleaseFile, runPublish } from "gitune";
import { REPOSITORY } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import type { Fault } from "../support/hub-server/faults.js";
import type { RepoFile } from "../support/hub-server/repository.js";
import { type HubServer, startHub } from "../support/hub-server/server.js";
import { publishContext, publishWorld, workflowIdentity } from "../support/publish-world.js";
import { HUB_BASE, HUB_NAME, PROJECT, ReleaseRepository } from "../support/release-repository.js";

const tagOf = (version: string) => ({ name: `${PROJECT}@${version}`, project: PROJECT, version });
const TAG = tagOf("1.0.0");
const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");
/** Smaller than the adapter, so that it is uploaded in parts. */
const PART_BYTES = 1500;

let hub: HubServer;
let repository: ReleaseRepository;
let project: Project;
let token = "";
/** What is published where nothing else is said. */
let first: Release;
let folder = "";
let files: readonly ReleaseFile[] = [];
/** Of a publish without any fault. */
let requests = 0;
const counts: FaultCount[] = [];

before(async () => {
  hub = await startHub();
  repository = new ReleaseRepository();
  repository.git("tag", TAG.name);
  token = hub.tokens.issue({ name: "acme" });
  [project] = (await discoverProjects(repository.root)).projects as [Project];
  first = await prepare(TAG);
  ({ folder, files } = first);
  fresh();
  await publish();
  checkEnd();
  requests = hub.log.length;
});
after(async () => {
  repository.remove();
  await hub.close();
});

const world = () => publishContext(repository.root, publishWorld(hub, token).env);

/** A version with its files, as they go to the Hub. */
interface Release {
  readonly tag: typeof TAG;
  readonly folder: string;
  readonly files: readonly ReleaseFile[];
}

/** Trains and judges what git has tagged. */
async function prepare(tag: typeof TAG): Promise<Release> {
  const { adapter } = await runPublish(tag.name, { dryRun: true, prompts: 1 }, world());
  const at = join(repository.root, adapter.path);
  return { tag, folder: at, files: await describeFiles(at) };
}

/** A Hub that has the base and not the repository, and counts from 1. */
function fresh(): void {
  hub.reset();
  const weights = readFileSync(join(repository.root, "models/tiny/model.safetensors"));
  hub.addModel(HUB_BASE.id, HUB_BASE.revision, { "model.safetensors": weights });
  hub.objects.partSizeBytes = PART_BYTES;
  tried = 0;
}

let tried = 0;
let isBaseCompared = false;

async function publish(env = publishWorld(hub, token).env, release = first): Promise<void> {
  const { sleep } = publishWorld(hub, token);
  const to = new HubRepository({ name: HUB_NAME, env, sleep });
  isBaseCompared = (await checkBase(project, HUB_BASE, to)).length === 0;
  await publishRelease(
    {
      ...release,
      isPrivate: true,
      tryOut: async (arrived) => {
        await readPeftAdapter(arrived);
        tried += 1;
      },
    },
    to,
  );
}

/** Right, whole, and nothing twice. */
function checkEnd(): void {
  assert.deepEqual([...hub.repositories.keys()], [HUB_BASE.id, HUB_NAME]);
  const there = hub.repositories.get(HUB_NAME);
  assert.ok(there?.isPrivate);
  assert.deepEqual(
    there.history("main").map(({ title }) => title),
    [`Release ${TAG.name}`, "initial commit"],
  );
  assert.deepEqual([...there.tags], [[TAG.name, there.branches.get("main")]]);
  const commit = there.at(TAG.name);
  assert.deepEqual([...commit.files.keys()].sort(), [".gitattributes", ...files.map(({ path }) => path)].sort());
  for (const { path } of files) {
    const arrived = commit.files.get(path);
    assert.ok(arrived?.bytes.equals(readFileSync(join(folder, path))), path);
  }
  assert.ok(tried > 0, "tagged without being tried");
  assert.ok(isBaseCompared, "the base was not compared");
}

/** @returns whether this run ended well; else it must have said so as a failure of the Hub */
async function run(): Promise<boolean> {
  try {
    await publish();
    return true;
  } catch (error) {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.exitCode, 3);
    assert.match(error.issues[0]?.code ?? "", /^hub\./);
    return false;
  }
}

/** Injects the fault at each request in turn; where a run does not end well, the next one must. */
async function each(name: string, faults: (at: number) => readonly Fault[], last = requests): Promise<FaultCount> {
  const before = hub.injected();
  let [runs, sameRun, nextRun] = [0, 0, 0];
  for (let at = 1; at <= last; at += 1) {
    fresh();
    for (const fault of faults(at)) hub.fail(fault);
    const injected = hub.injected();
    const isDone = await run();
    assert.ok(hub.injected() > injected, `request ${at} did not come`);
    runs += 1;
    hub.calm();
    if (isDone) sameRun += 1;
    else {
      await publish();
      nextRun += 1;
    }
    checkEnd();
  }
  assert.equal(sameRun + nextRun, runs);
  assert.ok(hub.injected() - before >= runs);
  const count = { fault: name, injected: runs, sameRun, nextRun, refused: 0 };
  counts.push(count);
  return count;
}

/** @returns false where it is refused, since a newer version is there */
async function orOlder(release: Release): Promise<boolean> {
  try {
    await publish(undefined, release);
    return true;
  } catch (error) {
    assert.equal(error instanceof GituneError ? error.issues[0]?.code : error, "publish.older");
    return false;
  }
}

/** One publisher does all its work before a request of another one's, for each request in turn. */
async function eachOther(
  fault: string,
  { inner, outer, check }: { readonly inner: Release; readonly outer: Release; readonly check: () => void },
): Promise<void> {
  let refused = 0;
  for (let at = 1; at <= requests; at += 1) {
    fresh();
    const injected = hub.injected();
    let isInnerDone = false;
    hub.fail({
      at,
      answer: "as-usual",
      before: async () => {
        isInnerDone = await orOlder(inner);
      },
    });
    const isDone = await orOlder(outer);
    assert.equal(hub.injected(), injected + 1, `request ${at} did not come`);
    if (!isDone || !isInnerDone) refused += 1;
    check();
  }
  counts.push({ fault, injected: requests, sameRun: requests - refused, nextRun: 0, refused });
}

/** The newer of two versions is served, and each is there once; the older one may have been refused. */
function checkBoth(newer: Release): void {
  const there = hub.repositories.get(HUB_NAME);
  assert.ok(there);
  const [all, released] = [there.history("main"), [first, newer]];
  for (const { tag, files: sent } of released) {
    const title = `Release ${tag.name}`;
    assert.ok(all.filter((commit) => commit.title === title).length < 2, `${title}: twice`);
    if (!there.tags.has(tag.name)) assert.equal(tag, first.tag);
    else checkFiles(there.at(tag.name).files, sent);
  }
  checkFiles(there.at("main").files, newer.files);
  assert.ok(there.tags.size > 0 && all.length <= 4, all.map(({ title }) => title).join());
}

function checkFiles(found: ReadonlyMap<string, RepoFile>, sent: readonly ReleaseFile[]): void {
  assert.deepEqual([...found.keys()].sort(), [".gitattributes", ...sent.map(({ path }) => path)].sort());
  for (const { path, sha256, blob } of sent) {
    const file = found.get(path);
    assert.equal(file?.lfs?.oid ?? file?.oid, file?.lfs ? sha256 : blob, path);
  }
}

describe("one fault at each request of a publish", () => {
  for (const status of [500, 502, 503, 429]) {
    it(`status ${status}, once: the same run ends well`, async () => {
      const headers = status === 429 ? { headers: { ratelimit: '"api";r=0;t=20' } } : {};
      const { injected, sameRun } = await each(`status ${status} at one request`, (at) => [
        { at, answer: status, ...headers },
      ]);
      assert.equal(sameRun, injected);
    });
  }

  for (const when of ["before", "after"] as const) {
    it(`a cut connection, ${when} the Hub did what was asked: the same run ends well`, async () => {
      const { injected, sameRun } = await each(`connection cut ${when} the effect of one request`, (at) => [
        { at, answer: `cut-${when}` },
      ]);
      assert.equal(sameRun, injected);
    });

    it(`the Hub is down from there, its last request cut ${when} its effect: the next run ends well`, async () => {
      const { injected, nextRun } = await each(`down from one request on, that one cut ${when} its effect`, (at) => [
        { at, answer: `cut-${when}` },
        { at, answer: "cut-before", times: Number.POSITIVE_INFINITY },
      ]);
      assert.equal(nextRun, injected);
    });
  }

  it("overload for three requests in a row: the same run ends well", async () => {
    const { injected, sameRun } = await each("status 503 at three requests in a row", (at) => [
      { at, answer: 503, times: 3 },
    ]);
    assert.equal(sameRun, injected);
  });

  it("a token that is revoked: the run says so, and goes on with another one", async () => {
    const { injected, nextRun } = await each("token revoked at one request", (at) => [
      {
        at,
        answer: 401,
        times: Number.POSITIVE_INFINITY,
        before: () => {
          hub.tokens.revoke(token);
          token = hub.tokens.issue({ name: "acme" });
        },
      },
    ]);
    assert.equal(nextRun, injected);
  });
});

describe("other faults", () => {
  it("the hour of a workflow's token is over at any request: it gets another one", async () => {
    const env = publishWorld(hub, null, workflowIdentity(hub)).env;
    let [injected, survived] = [0, 0];
    for (let at = 1; ; at += 1) {
      fresh();
      hub.tokens.trust({ resource: HUB_NAME, claims: {} });
      // The identity's token creates no repository.
      const owner = {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      };
      const body = { organization: "acme", name: "colours-lora", visibility: "private", type: "model" };
      await fetch(`${hub.url}/api/repos/create`, { ...owner, body: JSON.stringify(body) });
      hub.calm();
      const before = hub.injected();
      const match = /^(?!.*\/(_lfs|_actions|oauth)\/)/;
      hub.fail({ at, match, answer: 401, before: () => hub.tokens.expireExchanged() });
      await publish(env);
      checkEnd();
      if (hub.injected() === before) break;
      injected += 1;
      survived += 1;
    }
    assert.ok(injected > 20);
    counts.push({ fault: "OIDC token expired at one request", injected, sameRun: survived, nextRun: 0, refused: 0 });
  });

  it("someone else commits between reading and committing: their commit stays", async () => {
    let raced = 0;
    for (const times of [1, 2, 3]) {
      fresh();
      hub.fail({
        match: /\/commit\//,
        times,
        answer: 412,
        before: () => {
          const there = hub.repositories.get(HUB_NAME);
          there?.commit("main", "theirs", there.at("main").files);
        },
      });
      await publish();
      const titles = hub.repositories.get(HUB_NAME)?.history("main") ?? [];
      assert.deepEqual(
        titles.map(({ title }) => title),
        [`Release ${TAG.name}`, ...Array<string>(times).fill("theirs"), "initial commit"],
      );
      raced += times;
    }
    counts.push({
      fault: "status 412: someone else committed",
      injected: raced,
      sameRun: raced,
      nextRun: 0,
      refused: 0,
    });
  });

  it("another publisher of the same release comes in before any request: there is one of it", async () => {
    const both = { inner: first, outer: first, check: checkEnd };
    await eachOther("the same release, published whole before one request", both);
    for (let round = 0; round < 3; round += 1) {
      fresh();
      await Promise.all([publish(), publish()]);
      checkEnd();
    }
  });

  it("another version comes in before any request: each is there once, and main has the newer one", async () => {
    repository.release({ version: "1.1.0", seed: 7 });
    const next = await prepare(tagOf("1.1.0"));
    const check = () => checkBoth(next);
    await eachOther("the next version, published whole before one request", { inner: next, outer: first, check });
    await eachOther("the version before, published whole before one request", { inner: first, outer: next, check });
    for (let round = 0; round < 3; round += 1) {
      fresh();
      await Promise.all([orOlder(first), orOlder(next)]);
      checkBoth(next);
    }
  });

  it("bytes are damaged on their way back: nothing is tagged", async () => {
    let refused = 0;
    for (const { path } of files.filter(({ path: name }) => !/lock|provenance|state/.test(name))) {
      fresh();
      hub.fail({
        match: /\/resolve\//,
        answer: 503,
        before: () => {
          const there = hub.repositories.get(HUB_NAME)?.at("main").files.get(path) as { bytes: Buffer } | undefined;
          if (there) there.bytes = Buffer.concat([there.bytes.subarray(1), Buffer.of(0)]);
        },
      });
      await assert.rejects(publish(), (error: unknown) => error instanceof GituneError && error.exitCode === 3);
      assert.equal(hub.repositories.get(HUB_NAME)?.tags.size, 0);
      refused += 1;
    }
    counts.push({ fault: "a file that comes back damaged", injected: refused, sameRun: 0, nextRun: 0, refused });
  });

  it("the command is killed: the next one ends well", async () => {
    const moments = [/repos\/create$/, /objects\/batch$/, /\/complete$/, /\/commit\//, /\/resolve\//, /\/tag\//];
    for (const match of moments) {
      fresh();
      const child = spawn(process.execPath, [MAIN, "publish", TAG.name, "--prompts", "1"], {
        cwd: repository.root,
        env: { PATH: process.env["PATH"] ?? "", ...publishWorld(hub, token).env },
        stdio: "ignore",
      });
      const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)));
      hub.fail({ match, answer: "cut-after", before: () => child.kill("SIGKILL") });
      assert.equal(await ended, "SIGKILL", String(match));
      hub.calm();
      await publish();
      // Where it came as far as the tag, it was the killed command that tried what arrived.
      if (match.test("/tag/")) tried += 1;
      checkEnd();
    }
    const injected = moments.length;
    counts.push({ fault: "command killed at one request", injected, sameRun: 0, nextRun: injected, refused: 0 });
  });

  it("are counted in docs/reliability.md", () => checkFaultTable("publish", counts));
});
