/** Whole nightly runs of the action with the real command line and training, against the GitHub stand-in with real git behind it. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { ACTIONS_BOT } from "../support/github-server/server.js";
import { BRANCH, KEY, NightlyWorld, titles } from "../support/nightly-world.js";
import { COLORS, colorsConfig, colorsFiles, jsonl, row } from "../support/refresh-repository.js";
import { rowsAnswer } from "../support/row-server.js";
import { Transcript } from "../support/transcript.js";

let world: NightlyWorld;
const transcript = new Transcript(
  "nightly.md",
  `# A nightly run, as it looks

What \`e2e/refresh/nightly.test.ts\` left on a GitHub on loopback: the action with the real command line and engine, sources on loopback, and
git behind it. Written by \`GITUNE_WRITE_DOCS=1 node scripts/test.mjs nightly\`, not by hand. The rows are made up, and the base has random
weights, hence no score.`,
);

before(async () => {
  world = await NightlyWorld.start(8);
});
after(() => world.close());
beforeEach(() => world.next());
afterEach(() => world.repository.remove());

describe("a nightly run", () => {
  it("proposes in one pull request, adds to it, and leaves the default branch alone", async () => {
    world.open(colorsFiles(colorsConfig(world.source())));
    const main = world.remote("rev-parse", "main");
    world.rows.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow"), { messages: [] }])));
    const first = await world.run();
    assert.equal(first.conclusion, "success", first.log);
    assert.equal(world.rows.seen.at(-1)?.headers.authorization, `Bearer ${KEY}`);
    const [pull, ...others] = await world.pulls();
    assert.ok(pull && others.length === 0, first.log);
    assert.deepEqual([pull.title, pull.head.ref, pull.user?.login], ["Refresh colors", BRANCH, ACTIONS_BOT]);
    const body = pull.body ?? "";
    assert.match(body, /^<!-- gitune:refresh project=colors -->/);
    assert.match(body, /\| `feedback` \(http\) \| 1 \| 0 \| 0 \| 1 \|/);
    assert.match(body, /GitHub starts no workflows for a pull request made with `GITHUB_TOKEN`/);
    assert.match(body, /exact_match/);
    // No workflow starts for it, so the check that may be required is there without one.
    assert.deepEqual(
      world.github.checkRuns.map(({ name, headSha, status, conclusion }) => [name, headSha, status, conclusion]),
      [["gitune / gate", world.remote("rev-parse", BRANCH), "completed", "success"]],
    );
    const [check] = world.github.checkRuns;
    assert.ok(check);
    assert.match(check.summary ?? "", /exact_match/);
    transcript.body(
      "The pull request",
      body,
      `**${pull.title}**, of the branch \`${pull.head.ref}\`, by ${pull.user?.login}:`,
    );
    transcript.check("Its check", check);
    assert.match(first.summary, /`colors`: proposed/);
    assert.deepEqual([first.outputs["healthy"], first.outputs["has-proposal"]], ["true", "true"]);
    assert.equal(JSON.parse(first.outputs["pull-requests"] ?? "{}").colors, pull.html_url);
    assert.match(world.remote("show", `${BRANCH}:${COLORS}/train/new.jsonl`), /yellow/);
    assert.equal(world.remote("rev-parse", "main"), main);
    assert.deepEqual(await world.issues(), []);

    // Nothing new: the pull request and the branch stay as they are.
    const tip = world.remote("rev-parse", BRANCH);
    const second = await world.run();
    assert.deepEqual([second.conclusion, second.outputs["has-proposal"]], ["success", "false"]);
    assert.equal(world.remote("rev-parse", BRANCH), tip);
    assert.equal((await world.pulls())[0]?.body, body);

    // More rows, after a person mended one on the branch.
    world.repository.git("checkout", "--quiet", "-B", "mend", `origin/${BRANCH}`);
    world.repository.commit("Mend", { [`${COLORS}/train/new.jsonl`]: jsonl([row("colour of the sun?", "white")]) });
    world.repository.git("push", "--quiet", "origin", `mend:${BRANCH}`);
    world.rows.answer(rowsAnswer(jsonl([row("colour of the deep sea?", "dark blue")])));
    const third = await world.run();
    assert.equal(third.conclusion, "success", third.log);
    const text = world.remote("show", `${BRANCH}:${COLORS}/train/new.jsonl`);
    assert.ok(text.includes("white") && text.includes("dark blue") && !text.includes("yellow"), text);
    const all = await world.pulls();
    assert.deepEqual([all.length, all[0]?.number], [1, pull.number]);
    assert.notEqual(all[0]?.body, body);
    transcript.body(
      "The pull request two nights later",
      all[0]?.body ?? "",
      "Somebody has mended a row, and a source has a new one:",
    );
    assert.ok(!`${first.log}${second.log}${third.log}${body}`.includes(KEY));
  });

  it("never pushes over commits that it has not seen", async () => {
    world.open(colorsFiles(colorsConfig(world.source())));
    world.rows.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    // Somebody pushes the same branch while this run trains.
    world.repository.git("checkout", "--quiet", "-b", "theirs");
    const theirs = world.repository.commit("Theirs", { note: "x" });
    world.checkout();
    world.repository.git("push", "--quiet", "origin", `theirs:${BRANCH}`);
    world.repository.git("update-ref", "-d", `refs/remotes/origin/${BRANCH}`);
    const job = await world.run("real", { keepsClone: true });
    assert.equal(job.conclusion, "success", job.log);
    assert.deepEqual(titles(job), ["gitune: overtaken"]);
    assert.equal(world.remote("rev-parse", BRANCH), theirs);
    assert.deepEqual(await world.pulls(), []);
    // The next run goes on top of them.
    assert.equal((await world.run()).conclusion, "success");
    world.remote("merge-base", "--is-ancestor", theirs, BRANCH);
    assert.equal((await world.pulls()).length, 1);
  });

  it("a source that is down: red, one issue, updated and not repeated, closed when it is back", async () => {
    world.open(colorsFiles(colorsConfig(world.source())));
    world.rows.answer((_, response) => response.writeHead(404).end());
    const first = await world.run();
    assert.equal(first.conclusion, "failure");
    assert.deepEqual(titles(first), ["gitune: refresh"]);
    const [issue] = await world.issues();
    assert.match(issue?.body ?? "", /source feedback: the server answers 404/);
    assert.deepEqual([issue?.state, issue?.user?.login], ["open", ACTIONS_BOT]);
    transcript.body("The issue, when a source is down", issue?.body ?? "", `**${issue?.title}**, ${issue?.state}:`);
    await world.run();
    const again = await world.issues();
    assert.deepEqual(
      again.map(({ number, state }) => [number, state]),
      [[issue?.number, "open"]],
    );
    assert.notEqual(again[0]?.body, issue?.body);
    world.rows.answer(rowsAnswer(""));
    const back = await world.run();
    assert.deepEqual([back.conclusion, back.outputs["healthy"]], ["success", "true"], back.log);
    assert.deepEqual(
      (await world.issues()).map(({ number, state }) => [number, state]),
      [[issue?.number, "closed"]],
    );
    const [closed] = await world.issues();
    transcript.body("The same issue, when it is back", closed?.body ?? "", `**${closed?.title}**, ${closed?.state}:`);
  });

  it("is shown in docs/transcripts/nightly.md", () => {
    world.open({ readme: "x" });
    transcript.finish();
  });
});

it("no token is in any log, page or commit, in any spelling", () => {
  world.open({ readme: "x" });
  world.assertNoLeaks();
});
