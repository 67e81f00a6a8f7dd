/** Releases that were cut off, moved, damaged or regretted: what `gitune release` says and does. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { GituneError } from "@gitune/core";
import { releaseStatus, repairReleases, rollBackRelease, runPublish } from "gitune";
import { REPOSITORY } from "../support/action-folder.js";
import type { HubServer } from "../support/hub-server/server.js";
import { onEmptyStage, publishContext, publishWorld } from "../support/publish-world.js";
import { HUB_NAME, NEVER, PROJECT, type ReleaseRepository } from "../support/release-repository.js";

const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");

let hub: HubServer;
let repository: ReleaseRepository;
let token = "";
onEmptyStage((stage) => {
  ({ hub, repository, token } = stage);
});

const world = () => publishContext(repository.root, publishWorld(hub, token).env);
const options = () => ({ prompts: 1, sleep: publishWorld(hub, token).sleep });
const publish = (tag: string) => runPublish(tag, { ...options(), dryRun: false }, world());
const rollBack = (tag: string) => rollBackRelease(tag, world(), options().sleep);
const there = () => hub.repositories.get(HUB_NAME);
const titles = () => (there()?.history("main") ?? []).map(({ title }) => title);
const cardOf = (revision: string) => there()?.at(revision).files.get("README.md")?.bytes.toString() ?? "";

/** `version status`, with a star at what main serves. */
async function statuses(): Promise<readonly string[]> {
  const [project] = await releaseStatus([], world(), options().sleep);
  return (project?.releases ?? []).map(
    ({ tag, status, isServed }) => `${tag.version} ${status}${isServed ? " *" : ""}`,
  );
}

function gitune(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...publishWorld(hub, token).env };
    execFile(process.execPath, [MAIN, ...args], { cwd: repository.root, env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

describe("release status and repair", () => {
  it("say what is missing, and publish it, the oldest first", async () => {
    repository.release({ version: "1.0.0" });
    repository.release({ version: "1.1.0", seed: 7 });
    assert.deepEqual(await statuses(), ["1.0.0 missing", "1.1.0 missing"]);
    assert.equal(hub.repositories.size, 0);
    await repairReleases([PROJECT], options(), world());
    assert.deepEqual(await statuses(), ["1.0.0 published", "1.1.0 published *"]);
    hub.calm();
    assert.deepEqual(await repairReleases([], options(), world()), []);
    assert.ok(hub.log.every(({ method }) => method === "GET"));
  });

  it("go on with a release that was cut off between its commit and its tag", async () => {
    const tag = repository.release({ version: "1.0.0" });
    hub.fail({ match: /\/tag\//, answer: "cut-before", times: Number.POSITIVE_INFINITY });
    await assert.rejects(publish(tag), GituneError);
    hub.calm();
    assert.deepEqual(await statuses(), ["1.0.0 cut-off *"]);
    await repairReleases([], options(), world());
    assert.deepEqual(await statuses(), ["1.0.0 published *"]);
    assert.deepEqual(titles(), [`Release ${tag}`, "initial commit"]);
  });

  it("tell tags that were moved or are gone, versions that came too late, and damage", async () => {
    repository.release({ version: "0.9.0" });
    for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await publish(repository.release({ version }));
    repository.git("tag", "--force", "colours@1.0.0", "HEAD");
    repository.git("tag", "--delete", "colours@1.1.0");
    const files = there()?.at("colours@1.2.0").files as Map<string, unknown>;
    files.set("adapter_model.safetensors", there()?.at("colours@1.0.0").files.get(".gitattributes"));
    assert.deepEqual(await statuses(), ["0.9.0 superseded", "1.0.0 moved", "1.1.0 orphan", "1.2.0 damaged *"]);
    assert.deepEqual(await repairReleases([], options(), world()), [], "none of these is mended by publishing");
  });

  it("answer with exit codes and JSON", async () => {
    repository.release({ version: "1.0.0" });
    assert.equal((await gitune("release", "status")).code, 1);
    const done = await gitune("publish", "colours@1.0.0", "--prompts", "1");
    assert.equal(done.code, 0);
    assert.match(done.stdout, /^colours@1\.0\.0 {2}is published$/m);
    const status = await gitune("release", "status", "--json");
    assert.equal(status.code, 0);
    const { projects } = JSON.parse(status.stdout) as { projects: readonly { releases: readonly object[] }[] };
    assert.deepEqual(projects[0]?.releases, [
      {
        tag: "colours@1.0.0",
        status: "published",
        commit: repository.git("rev-parse", "colours@1.0.0^{commit}"),
        hub_commit: there()?.tags.get("colours@1.0.0"),
        adapter_sha256: there()?.at("main").files.get("adapter_model.safetensors")?.lfs?.oid,
        served: true,
      },
    ]);
    const refused = repository.release({ version: "1.1.0", rule: NEVER });
    assert.equal((await gitune("publish", refused)).code, 1);
    assert.equal((await gitune("publish", "colours@3.0.0")).code, 2);
    assert.equal((await gitune("release", "rollback", "colours")).code, 2);
    hub.tokens.revoke(token);
    assert.equal((await gitune("release", "rollback", "colours@1.0.0")).code, 3);
  });
});

describe("release rollback", () => {
  it("makes main serve an earlier version, says so in its card, and leaves every tag", async () => {
    const first = repository.release({ version: "1.0.0" });
    await publish(first);
    const second = repository.release({ version: "1.1.0", seed: 7 });
    await publish(second);
    const tags = [...(there()?.tags ?? [])];
    const done = await rollBack(first);
    assert.deepEqual([done.changed, done.withdrawn], [true, [second]]);
    assert.deepEqual([...(there()?.tags ?? [])], tags);
    assert.deepEqual(titles(), [`Roll back to ${first}`, `Release ${second}`, `Release ${first}`, "initial commit"]);
    const oid = (revision: string) => there()?.at(revision).files.get("adapter_model.safetensors")?.lfs?.oid;
    assert.equal(oid("main"), oid(first));
    assert.match(cardOf("main"), /^---\n[\s\S]*\n---\n\n> \*\*Rolled back\.\*\* `colours@1\.1\.0` was withdrawn/);
    assert.doesNotMatch(cardOf(first), /Rolled back/);
    assert.deepEqual(await statuses(), ["1.0.0 published *", "1.1.0 published"]);
    assert.equal((await rollBack(first)).changed, false);

    // And forward again: with a version, or with the one that was withdrawn.
    await publish(repository.release({ version: "1.1.1", seed: 8 }));
    assert.doesNotMatch(cardOf("main"), /Rolled back/);
    assert.deepEqual(await statuses(), ["1.0.0 published", "1.1.0 published", "1.1.1 published *"]);
  });

  it("refuses a version that the Hub does not have", async () => {
    await publish(repository.release({ version: "1.0.0" }));
    repository.release({ version: "1.1.0" });
    await assert.rejects(rollBack("colours@1.1.0"), (error: unknown) => {
      assert.ok(error instanceof GituneError);
      assert.deepEqual([error.exitCode, error.issues[0]?.expected], [2, "one of colours@1.0.0"]);
      return true;
    });
  });

  it("ends well where it is cut off at any request", async () => {
    const first = repository.release({ version: "1.0.0" });
    await publish(first);
    await publish(repository.release({ version: "1.1.0", seed: 7 }));
    const start = there()?.at("main").files ?? new Map();
    hub.calm();
    await rollBack(first);
    const requests = hub.log.length;
    const end = cardOf("main");
    for (const answer of ["cut-before", "cut-after"] as const) {
      for (let at = 1; at <= requests; at += 1) {
        there()?.commit("main", "start", start);
        const length = there()?.history("main").length ?? 0;
        hub.calm();
        hub.fail({ at, answer });
        hub.fail({ at: at + 1, answer: "cut-before", times: Number.POSITIVE_INFINITY });
        await assert.rejects(rollBack(first), (error: unknown) => error instanceof GituneError && error.exitCode === 3);
        hub.calm();
        await rollBack(first);
        assert.equal(there()?.history("main").length, length + 1, `request ${at}`);
        assert.equal(cardOf("main"), end);
      }
    }
  });
});
