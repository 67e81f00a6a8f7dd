/**
 * What the steps of a release are given, and what becomes of it when GitHub fails: our own workflow files, with a program
 * in the command line's place. `release.test.ts` runs the real one.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { checkFaultTable, type FaultCount } from "../support/fault-table.js";
import type { Fault } from "../support/github-server/faults.js";
import { PROJECT } from "../support/release-repository.js";
import { ReleaseWorkflow, titles } from "../support/release-workflow.js";

/** Answers as `gitune publish` does, of an adapter that its tag decides, and keeps what it was given in the store's folder. */
const SCRIPTED = `
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
const args = process.argv.slice(2);
const [verb, tag] = args;
if (verb === "doctor") process.exit(0);
const isDryRun = args.includes("--dry-run");
writeFileSync(process.env.GITUNE_STORE + (isDryRun ? "/judge.json" : "/publish.json"), JSON.stringify({ args, env: process.env }));
const folder = ".gitune/release/" + tag;
mkdirSync(folder + "/report", { recursive: true });
writeFileSync(folder + "/report/report.md", "The report. @octo closes #1 <!-- /gitune:notes --> ![x](http://127.0.0.1/p.png)");
process.stdout.write(JSON.stringify({
  version: 1,
  status: isDryRun ? "dry-run" : "published",
  tag,
  commit: "1".repeat(40),
  verdict: "pass",
  compared_with: null,
  adapter: { path: folder + "/adapter", sha256: createHash("sha256").update(tag).digest("hex") },
  files: [],
  hub: { repository: "acme/colours-lora", url: "https://hub.invalid/acme/colours-lora", commit: isDryRun ? null : "2".repeat(40) },
  plan: null,
  prompts: 0,
  changelog: "- @octo did it",
  issues: [],
}));
`;

const seen = mkdtempSync(join(tmpdir(), "gitune-seen-"));
const counts: FaultCount[] = [];
let world: ReleaseWorkflow;
before(async () => {
  world = await ReleaseWorkflow.open({ source: SCRIPTED });
});
after(async () => {
  await world.close();
  rmSync(seen, { recursive: true, force: true });
});
beforeEach(() => world.github.calm());

describe("the steps of a release", { timeout: 1_200_000 }, () => {
  let tags = 0;
  /** A tag that no other test has. */
  const newTag = () => {
    tags += 1;
    const tag = `${PROJECT}@9.0.${tags}`;
    world.repository.git("tag", tag);
    return tag;
  };
  const push = (tag: string) => world.run(tag, { env: { GITUNE_STORE: seen } });
  const given = (part: string) =>
    JSON.parse(readFileSync(join(seen, `${part}.json`), "utf8")) as { args: string[]; env: Record<string, string> };

  it("the one that trains sees no token and no way to one; the one that publishes trains nothing", async () => {
    const tag = newTag();
    const { conclusion, log } = await push(tag);
    assert.equal(conclusion, "success", log);
    // Written last by the job that publishes, whose first step judges from the store.
    const judge = given("judge");
    assert.deepEqual(judge.args, ["publish", tag, "--json", "--dry-run", "--stored"]);
    assert.deepEqual(
      Object.keys(judge.env).filter((name) =>
        /TOKEN|SECRET|^INPUT_|^ACTIONS_|GITHUB_(ENV|OUTPUT|PATH|STATE)$/.test(name),
      ),
      [],
    );
    const publish = given("publish");
    assert.deepEqual(publish.args, ["publish", tag, "--json", "--stored"]);
    assert.equal(publish.env["HF_TOKEN"], world.token);
    assert.deepEqual(
      Object.keys(publish.env)
        .filter((name) => /TOKEN|SECRET/.test(name))
        .sort(),
      ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "HF_TOKEN"],
    );
    assert.ok(!log.includes(world.token));
  });

  it("what the report and the changelog say is made harmless", async () => {
    const tag = newTag();
    const { conclusion, gate, log } = await push(tag);
    assert.equal(conclusion, "success", log);
    const body = (await world.releaseOf(tag))?.body ?? "";
    assert.match(body, /The report\.[\s\S]*<!-- \/gitune:notes -->$/);
    for (const text of [body.replace(/^<!-- gitune:notes -->|<!-- \/gitune:notes -->$/g, ""), gate.summary]) {
      assert.doesNotMatch(text, /<!--|@octo|#1\b|!\[/);
    }
  });

  it("leave one release and one attestation, whatever GitHub does", async () => {
    const requests = [
      /GET .*\/releases\/tags\//,
      /GET .*\/releases$/,
      /POST .*\/releases$/,
      /GET .*\/attestations\//,
      /POST .*\/attestations$/,
    ];
    const kinds: readonly (readonly [string, Fault["answer"]])[] = [
      ["status 500 at one request to GitHub", 500],
      ["connection to GitHub cut after the effect of one request", "cut-after"],
    ];
    for (const [fault, answer] of kinds) {
      let [sameRun, nextRun] = [0, 0];
      for (const match of requests) {
        const tag = newTag();
        world.github.calm();
        world.github.fail({ match, answer });
        const first = await push(tag);
        if (first.conclusion === "success") sameRun += 1;
        else {
          const second = await push(tag);
          assert.equal(second.conclusion, "success", second.log);
          nextRun += 1;
        }
        assert.ok(await world.releaseOf(tag), `${fault}: ${match}`);
        const digest = `sha256:${createHash("sha256").update(tag).digest("hex")}`;
        assert.equal(
          world.github.attestations.filter(({ digests }) => digests.includes(digest)).length,
          1,
          `${fault}: ${match}`,
        );
      }
      counts.push({ fault, injected: requests.length, sameRun, nextRun, refused: 0 });
    }
  });

  it("publish the draft that somebody made for the tag, with its words", async () => {
    const tag = newTag();
    await world.makeRelease(tag, "Redder", "Thanks to everybody who sent rows.", { draft: true });
    // The answer of the request that publishes is lost: done twice it is as once.
    world.github.fail({ match: /PATCH .*\/releases\/\d+$/, answer: "cut-after" });
    const { conclusion, release, log } = await push(tag);
    assert.equal(conclusion, "success", log);
    const made = await world.releaseOf(tag);
    assert.deepEqual([made?.draft, made?.prerelease, made?.name], [false, false, "Redder"]);
    assert.match(made?.body ?? "", /^Thanks to everybody who sent rows\.\n\n<!-- gitune:notes -->/);
    assert.equal(release.outputs["release-url"], made?.html_url);
    assert.match(made?.html_url ?? "", /\/releases\/tag\/colours/);
  });

  it("say which permission a token lacks", async () => {
    const tag = newTag();
    world.github.fail({ match: /POST .*\/releases$/, answer: 403, message: "Resource not accessible by integration" });
    const { release, conclusion } = await push(tag);
    assert.equal(conclusion, "failure");
    assert.deepEqual(titles(release), ["gitune: no GitHub release"]);
    assert.match(release.annotations[0]?.message ?? "", /is on the Hub[\s\S]*contents: write/);
    assert.equal((await push(tag)).conclusion, "success");
    counts.push({ fault: "a token of GitHub's that may not release", injected: 1, sameRun: 0, nextRun: 1, refused: 0 });
  });

  it("are counted in docs/reliability.md", () => checkFaultTable("github-release", counts));
});
