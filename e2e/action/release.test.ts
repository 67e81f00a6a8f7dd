/**
 * Releases by our own workflow files with the real command line and training, from the pushed tag to the Hub and GitHub.
 * What happens between the steps, and when GitHub fails, is in `release-steps.test.ts`.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import { ACTIONS_BOT } from "../support/github-server/server.js";
import { assertNoLeaks, filesBelow } from "../support/hostile/secrets.js";
import { HUB_BASE, HUB_NAME, NEVER, PROJECT, releaseConfig } from "../support/release-repository.js";
import { writeReleaseTranscript } from "../support/release-transcript.js";
import { RELEASE_REPOSITORY, ReleaseWorkflow, titles } from "../support/release-workflow.js";

const FIRST = `${PROJECT}@1.0.0`;
const SECOND = `${PROJECT}@1.1.0`;
const counts: FaultCount[] = [];

let world: ReleaseWorkflow;
/** Where `gitune init` has written its workflows, into a clone. */
let initial: string;
before(async () => {
  world = await ReleaseWorkflow.open("real");
  const weights = readFileSync(join(world.repository.root, "models/tiny/model.safetensors"));
  world.hub.addModel(HUB_BASE.id, HUB_BASE.revision, { "model.safetensors": weights });
  initial = mkdtempSync(join(tmpdir(), "gitune-init-"));
  execFileSync("git", ["clone", "--quiet", world.repository.root, initial]);
  cli(initial, "init", "--yes", "--runner", "self-hosted,gpu", "--visibility", "private");
});
after(async () => {
  await world.close();
  rmSync(initial, { recursive: true, force: true });
});
beforeEach(() => world.hub.calm());

const there = () => world.hub.repositories.get(HUB_NAME);
const onHub = () => [...(there()?.tags.keys() ?? [])];
const reads = () => world.hub.log.every(({ method }) => method === "GET");
const artifact = (runId: string, ...path: readonly string[]) =>
  existsSync(join(world.stored.artifacts(runId), ...path));

const cli = (cwd: string, ...args: readonly string[]) =>
  execFileSync(process.execPath, [join(REPOSITORY, "packages/cli/dist/main.js"), ...args], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: tmpdir() },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });

const workflowIn = (name: string) => join(initial, ".github/workflows", name);

describe("a release by its tag", { timeout: 1_200_000 }, () => {
  it("on a machine that cannot train is no word of the gate, and nothing is published", async () => {
    world.repository.git("tag", FIRST);
    const text = readFileSync(workflowIn("gitune-release.yml"), "utf8");
    const small = workflowIn("small.yml");
    writeFileSync(small, text.replace("    with:\n", "    with:\n      min-disk: 1000000000\n"));
    const { conclusion, runId, gate, publish, release, log } = await world.run(FIRST, { workflow: small });
    assert.deepEqual([conclusion, publish.conclusion, release.conclusion], ["failure", "skipped", "skipped"]);
    assert.deepEqual(titles(gate), ["gitune machine.missing", "gitune: could not run"], log);
    assert.equal(gate.outputs["verdict"], "error");
    assert.deepEqual([world.hub.log, await world.releaseOf(FIRST)], [[], undefined]);
    const kept = readdirSync(world.stored.artifacts(runId), { recursive: true, encoding: "utf8" });
    assert.ok(!kept.some((name) => name.endsWith(".safetensors")), "nothing was trained");
  });

  it("of a commit that was never gated is gated now, published, released and attested, as `gitune init` sets it up", async () => {
    const workflow = workflowIn("gitune-release.yml");
    const { conclusion, gate, publish, release, log } = await world.run(FIRST, { workflow });
    assert.equal(conclusion, "success", log);
    assert.match(gate.summary, /`colours@1\.0\.0`: ✅ pass, against the base alone[\s\S]*trained now/);
    assert.match(publish.summary, /is published/);
    const weights = there()?.at(FIRST).files.get("adapter_model.safetensors");
    assert.deepEqual([onHub(), there()?.history("main").length], [[FIRST], 2]);
    assert.match(
      there()?.at(FIRST).files.get("gitune.provenance.json")?.bytes.toString() ?? "",
      /workflows\/gitune-release\.yml@/,
    );
    const made = await world.releaseOf(FIRST);
    assert.deepEqual([made?.name, made?.author?.login, made?.prerelease], [`${PROJECT} 1.0.0`, ACTIONS_BOT, false]);
    assert.match(made?.body ?? "", /^<!-- gitune:notes -->\n\*\*\[acme\/colours-lora\][\s\S]*exact\\?_match/);
    assert.equal(release.outputs["release-url"], made?.html_url);
    assert.deepEqual(
      world.github.attestations.map(({ digests }) => digests),
      [[`sha256:${weights?.lfs?.oid}`]],
    );
    assert.ok(!log.includes(world.token));
    counts.push({ fault: "a machine without free disk", injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });

  it("run again does nothing twice, and trains nothing", async () => {
    const before = await world.releaseOf(FIRST);
    const { conclusion, runId, publish, log } = await world.run(FIRST);
    assert.equal(conclusion, "success", log);
    assert.match(publish.summary, /was published before/);
    assert.ok(!artifact(runId, "gitune-store-1"));
    assert.ok(reads());
    assert.deepEqual([(await world.releaseOf(FIRST))?.id, world.github.attestations.length], [before?.id, 1]);
  });

  it("says what it would do as a dry run, before there is a tag, and uses no token", async () => {
    const payload = { inputs: { tag: PROJECT, "dry-run": true }, repository: { private: false } };
    const sha = world.repository.commit({ [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig({ version: "1.0.1" }) });
    const event = { name: "workflow_dispatch", payload, ref: "refs/heads/main", sha };
    const { conclusion, gate, publish, release, log } = await world.run("", { event });
    assert.equal(conclusion, "success", log);
    assert.deepEqual([publish.conclusion, release.conclusion], ["skipped", "skipped"]);
    assert.match(gate.summary, /`colours@1\.0\.1`: ✅ pass[\s\S]*Nothing was published[\s\S]*- add: `README\.md`/);
    assert.ok(reads());
  });

  it("has in its changelog what the new rows do to the scores, and keeps what people wrote on GitHub", async () => {
    const file = `datasets/${PROJECT}/train.jsonl`;
    const rows = readFileSync(join(world.repository.root, file), "utf8");
    const more = [24, 25].map((at) =>
      JSON.stringify({ prompt: `Which colour is thing number ${at}?`, completion: "red" }),
    );
    world.repository.commit({
      [file]: `${rows}${more.join("\n")}\n`,
      [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig({ version: "1.0.0" }),
    });
    assert.doesNotMatch(
      cli(world.repository.root, "release", "prepare", "--json"),
      /Scores/,
      "the store has nothing yet",
    );
    const prepared = cli(world.repository.root, "release", "prepare", "--evaluate");
    world.repository.git("merge", "--quiet", "--ff-only", "gitune/release");
    const changelog = readFileSync(join(world.repository.root, `datasets/${PROJECT}/CHANGELOG.md`), "utf8");
    assert.match(changelog, /^## 1\.1\.0$/m);
    assert.match(changelog, /^- Rows of `train`: 2 added$/m);
    assert.match(
      changelog,
      /^- Scores on `answers`: `exact_match` 0\.000 → 0\.000 \(.+ to .+\), `rougeL` [\d.]+ → [\d.]+$/m,
    );
    assert.match(changelog, /^- Gate: pass, against `colours@1\.0\.0`$/m);

    world.repository.git("tag", SECOND);
    await world.makeRelease(SECOND, "Redder", "Thanks to everybody who sent rows.");
    const result = await world.run(SECOND);
    assert.equal(result.conclusion, "success", result.log);
    const made = await world.releaseOf(SECOND);
    assert.equal(made?.name, "Redder");
    assert.match(made?.body ?? "", /^Thanks to everybody who sent rows\.\n\n<!-- gitune:notes -->/);
    assert.match(made?.body ?? "", /### Changes\n\n- Rows of `train`: 2 added\n- Scores on `answers`/);
    assert.match(made?.body ?? "", /Compared with `colours@1\.0\.0`\.[\s\S]*### `colours`: ✅ pass/);
    writeReleaseTranscript({
      prepared,
      changelog,
      jobs: { gate: result.gate, publish: result.publish, release: result.release },
      title: made?.name ?? "",
      notes: made?.body ?? "",
      card: there()?.at(SECOND).files.get("README.md")?.bytes.toString() ?? "",
      urls: { hub: world.hub.url, github: world.github.url },
    });
  });

  it("that the gate refuses, or that has no gate, is nowhere", async () => {
    const never = world.repository.release({ version: "1.2.0", rule: NEVER });
    const first = await world.run(never);
    assert.equal(first.conclusion, "failure");
    assert.equal(titles(first.gate).at(-1), "gitune: the gate says no", first.log);
    assert.match(first.gate.summary, /❌ `colours@1\.2\.0` is not published[\s\S]*exact\\?_match/);
    assert.ok(artifact(first.runId, "gitune-release-report", "report.html"));

    const ungated = `${PROJECT}@1.2.1`;
    const text = releaseConfig({ version: "1.2.1" }).replace(/gate:[\s\S]*?(?=publish:)/, "");
    world.repository.commit({ [`datasets/${PROJECT}/gitune.yaml`]: text });
    world.repository.git("tag", ungated);
    const second = await world.run(ungated);
    assert.deepEqual(
      [second.conclusion, titles(second.gate)],
      ["failure", ["gitune publish.ungated", "gitune: bad input"]],
    );
    for (const [tag, { publish, release }] of [
      [never, first],
      [ungated, second],
    ] as const) {
      assert.deepEqual([publish.conclusion, release.conclusion], ["skipped", "skipped"]);
      assert.deepEqual([onHub(), await world.releaseOf(tag)], [[FIRST, SECOND], undefined]);
    }
    assert.ok(reads());
    counts.push({ fault: "the gate says no, or there is none", injected: 2, sameRun: 0, nextRun: 0, refused: 2 });
  });

  it("whose tag was moved after it was published is refused, and what was published stays", async () => {
    const [notes, main] = [(await world.releaseOf(SECOND))?.body, there()?.branches.get("main")];
    world.repository.git("tag", "--delete", SECOND);
    world.repository.release({ version: "1.1.0", seed: 7 });
    const { conclusion, publish, release, log } = await world.run(SECOND);
    assert.equal(conclusion, "failure");
    // Its rank is 2, which TGI pads.
    const said = ["gitune publish.serving", "gitune publish.conflict", "gitune: bad input"];
    assert.deepEqual(titles(publish), said, log);
    assert.equal(release.conclusion, "skipped");
    assert.deepEqual([there()?.branches.get("main"), (await world.releaseOf(SECOND))?.body], [main, notes]);
    counts.push({
      fault: "a tag that was moved after it was published",
      injected: 1,
      sameRun: 0,
      nextRun: 0,
      refused: 1,
    });
  });

  it("whose token is revoked in the middle stops, and goes on by the workflow's identity", async () => {
    const tag = world.repository.release({ version: "1.3.0", seed: 9 });
    const revoked = world.token;
    world.hub.fail({ match: /\/commit\//, answer: 401, times: 9, before: () => world.hub.tokens.revoke(revoked) });
    const first = await world.run(tag);
    assert.equal(first.conclusion, "failure");
    assert.equal(titles(first.publish).at(-1), "gitune: could not run", first.log);
    assert.deepEqual([first.release.conclusion, await world.releaseOf(tag)], ["skipped", undefined]);
    assert.deepEqual(onHub(), [FIRST, SECOND]);

    world.hub.calm();
    world.hub.tokens.trust({ resource: HUB_NAME, claims: { repository: RELEASE_REPOSITORY } });
    world.hub.state.claims = { repository: RELEASE_REPOSITORY, ref: `refs/tags/${tag}` };
    const second = await world.run(tag, { secrets: {} });
    assert.equal(second.conclusion, "success", second.log);
    assert.ok(!artifact(second.runId, "gitune-store-1"), "nothing is trained again");
    assert.deepEqual(onHub(), [FIRST, SECOND, tag]);
    assert.ok(await world.releaseOf(tag));
    assert.ok(![first.log, second.log].some((log) => log.includes(revoked) || log.includes("runner-secret")));
    counts.push({ fault: "the Hub's token revoked in the middle", injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });

  it("gives no token away: no log, page, artifact or file on the Hub has one, in any spelling", () => {
    const { runs, hub, github, stored, secrets } = world;
    assert.ok(secrets.length > 3 * runs.length);
    const history = there()?.history("main") ?? [];
    assert.ok(history.length > 3);
    assertNoLeaks(secrets, [
      ...runs.map((run) => [`run ${run.runId}`, JSON.stringify(run)] as const),
      ...runs.flatMap(({ runId }) => filesBelow(stored.artifacts(runId))),
      ...history.flatMap(({ title, files }) =>
        [...files].map(([path, { bytes }]) => [`${title}: ${path}`, bytes] as const),
      ),
      // All that was sent to GitHub: releases and their notes, attestations.
      ["GitHub", JSON.stringify([github.log, github.attestations])],
      ["the Hub's addresses", JSON.stringify(hub.log)],
    ]);
  });

  it("is counted in docs/reliability.md where it fails", () => checkFaultTable("release", counts));
});
