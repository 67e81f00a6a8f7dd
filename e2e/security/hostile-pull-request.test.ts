/**
 * A pull request that attacks wherever it may write something, on a machine whose every step has secrets of all kinds: the
 * real workflow, action, commands and training. Then all that was written anywhere is looked through.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "../support/action-folder.js";
import { ALWAYS, baseFiles, config, jsonl, PROJECT, rows } from "../support/colours-project.js";
import type { CheckRun } from "../support/github-server/check-runs.js";
import { type GitHubServer, startGitHub } from "../support/github-server/server.js";
import { assertInertHtml, assertInertMarkdown, assertVisible } from "../support/hostile/inert.js";
import { ALL_ATTACKS, ATTACKS, HOSTILE_BRANCH, HOSTILE_FILE, HOSTILE_NAME } from "../support/hostile/payloads.js";
import { leaksIn, SECRET_ENV, SECRETS, spellingsOf } from "../support/hostile/secrets.js";
import { onPullRequest } from "../support/on-pull-request.js";
import { type Files, makePullRequest, OWNER, type PullRequestFixture, REPO } from "../support/pull-request.js";
import { type StoredActions, storedActions } from "../support/stored-actions.js";
import { tinyBase } from "../support/tiny-base.js";
import { parseCommandFile } from "../support/workflow-runner/commands.js";
import type { Json } from "../support/workflow-runner/expressions.js";
import { type JobResult, runWorkflow } from "../support/workflow-runner/run-workflow.js";

let scratch: string;
let outerTmp: string | undefined;
let github: GitHubServer;
let action: ActionFolder;
let stored: StoredActions;
let pull: PullRequestFixture;
let runNumber = 0;
/** Tokens that the stand-in gave to jobs. */
const jobTokens: string[] = [];
const jobs: JobResult[] = [];
const checks: CheckRun[] = [];
const addresses: string[] = [];

before(async () => {
  // All that any process makes a temporary file for, in one place.
  outerTmp = process.env["TMPDIR"];
  scratch = mkdtempSync(join(tmpdir(), "gitune-hostile-"));
  process.env["TMPDIR"] = scratch;
  github = await startGitHub({ users: [OWNER], repositories: [`${OWNER}/${REPO}`] });
  action = await makeActionFolder("real");
  stored = storedActions(action);
});
after(async () => {
  await github.close();
  if (outerTmp === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = outerTmp;
  rmSync(scratch, { recursive: true, force: true });
});

async function run() {
  runNumber += 1;
  const event = pull.event();
  const request = event.payload["pull_request"] as { head: object };
  const payload: { [name: string]: Json } = {
    ...event.payload,
    pull_request: {
      ...request,
      title: ALL_ATTACKS,
      body: ALL_ATTACKS,
      head: { ...request.head, ref: HOSTILE_BRANCH },
    } as Json,
  };
  const around = onPullRequest(github, pull, { ...event, payload });
  const id = String(9_000_000 + runNumber);
  const result = await runWorkflow({
    workflow: join(REPOSITORY, ".github/workflows/pr.yml"),
    ...around,
    isolated: true,
    issueToken: (permissions) => {
      const token = around.issueToken(permissions);
      jobTokens.push(token);
      return token;
    },
    runNumber,
    env: SECRET_ENV,
    actions: stored.forRun({ id, repository: pull.workspace, sha: event.sha }),
    onJob: (job) => github.setJob(id, job),
  });
  const all = Object.values(result.jobs).flat();
  jobs.push(...all);
  checks.push(...github.checkRuns);
  addresses.push(...github.log.map(({ path }) => path));
  const job = (name: string) => result.jobs[`gitune / ${name}`]?.[0];
  return { conclusion: result.conclusion, id, all, plan: job("plan"), train: job("train"), report: job("report") };
}

/** A server whose errors repeat what it was sent, and more. */
function refusal(token: string): string {
  const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
  return `bad header: token ${token}, basic ${basic}, ?t=${encodeURIComponent(token)}\n::error title=pwned::pwned`;
}

/** Rows whose texts are attacks, among enough honest ones. */
const hostileRows = () => [
  ...rows(24),
  ...ATTACKS.map((attack, i) => ({ prompt: `${i} ${attack}`, completion: i % 2 === 0 ? "red" : attack })),
  { prompt: "all of them", completion: ALL_ATTACKS },
];

const BASE = `models/${HOSTILE_FILE}`;
const MORE = `${PROJECT}/more/${HOSTILE_FILE}.jsonl`;
const quoted = JSON.stringify;

/** Valid, with each value that may be any text an attack. */
function hostileConfig(): string {
  return config(ALWAYS)
    .replace("version:", `description: ${quoted(ALL_ATTACKS)}\nlicense: ${quoted(HOSTILE_NAME)}\nversion:`)
    .replace("train: train.jsonl", "train: [train.jsonl, more/*.jsonl]")
    .replace("models/tiny", quoted(BASE))
    .replace("device: cpu", "device: cpu\n  report_to: [tensorboard]\n  overflow: truncate")
    .replace("name: answers", `name: ${quoted(HOSTILE_NAME)}`)
    .replace("temperature: 0", `temperature: 0, stop: [${quoted("##[error]pwned\n::error::pwned")}]`)
    .replace(
      /suite: answers(.*)\}/,
      `suite: ${quoted(HOSTILE_NAME)}$1}\n    - { suite: ${quoted(HOSTILE_NAME)}, slice: ${quoted(HOSTILE_NAME)}$1}`,
    )
    .replace("max_length: 64", "max_length: 256")
    .replace("batch_size: 4", "batch_size: 4\n  checkpoint_steps: 1")
    .concat("checks: { tokens: off }\n");
}

const suiteRows = () =>
  Array.from({ length: 8 }, (_, i) => ({
    id: `${i} ${HOSTILE_NAME}`,
    prompt: `What is the shade of item ${i}? ${ATTACKS[i] ?? ""}`,
    references: ["red", ALL_ATTACKS],
    tags: [HOSTILE_NAME],
  }));

const validFiles = (): Files => ({
  ...tinyBase(BASE),
  [`${PROJECT}/gitune.yaml`]: hostileConfig(),
  [`${PROJECT}/train.jsonl`]: jsonl(hostileRows()),
  [MORE]: jsonl(rows(4, (i) => `more ${i}`).map((row) => ({ ...row, completion: ALL_ATTACKS }))),
  [`${PROJECT}/evals/answers.jsonl`]: jsonl(suiteRows()),
});

const BROKEN_LINES = [
  ...ATTACKS.map((attack) => quoted({ prompt: attack, completion: 7, [attack]: attack })),
  `{"prompt": "::error::pwned ##[error]pwned`,
  ALL_ATTACKS,
];

/** What the people of a pull request see of it. */
async function pages(): Promise<readonly (readonly [what: string, markdown: string])[]> {
  return [
    ...(await pull.comments()).map(({ body }) => ["comment", body] as const),
    ...checks.map(({ summary }) => ["check run", summary ?? ""] as const),
    ...jobs.map(({ summary }) => ["summary", summary] as const),
    ...jobs.flatMap(({ steps }) =>
      Object.values(steps).map(({ outputs }) => ["output comment-body", outputs["comment-body"] ?? ""] as const),
    ),
    ...filesNamed(/^report\.md$/).map((file) => ["report.md", readFileSync(file, "utf8")] as const),
  ];
}

/** Neither what git has packed, nor what links lead to. */
function* filesBelow(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && entry.name !== "objects") yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const filesNamed = (name: RegExp) => [...filesBelow(scratch)].filter((file) => name.test(basename(file)));

describe("a hostile pull request, with secrets on the machine", { timeout: 900_000 }, () => {
  it("whose names and rows are valid is trained and judged like any other", async () => {
    pull = await makePullRequest(github, { base: baseFiles(), head: validFiles() });
    const { conclusion, all, id } = await run();
    assert.equal(conclusion, "success", all.map(({ log }) => log).join("\n"));
    assert.equal((await pull.comments()).length, 1);
    assert.equal(github.checkRuns[0]?.conclusion, "success");
    assert.ok(existsSync(join(stored.artifacts(id), "gitune-report-1", "report.html")));
    assert.ok(filesNamed(/tfevents/).length > 0);
  });

  it("whose rows are broken is red, also where GitHub refuses and repeats the token", async () => {
    pull.push({ [`${PROJECT}/train.jsonl`]: `${BROKEN_LINES.join("\n")}\n`, [MORE]: `${BROKEN_LINES.join("\n")}\n` });
    github.fail({ match: /^(?:POST|PATCH) .*\/(?:comments|check-runs)/, answer: 422, message: refusal, times: 4 });
    const { conclusion, report } = await run();
    assert.equal(conclusion, "failure");
    assert.ok(
      report?.annotations.some(({ properties }) => properties["title"] === "gitune: not posted"),
      report?.log,
    );
    github.calm();
    assert.equal((await run()).conclusion, "failure");
    assert.ok((github.checkRuns.at(-1)?.annotations.length ?? 0) > 10);
  });

  it("whose config is broken is red", async () => {
    const text = hostileConfig()
      .replace("exact_match", quoted(HOSTILE_NAME))
      .replace("max_length: 64", `max_length: ${quoted(ALL_ATTACKS)}`);
    const unknown = `${quoted(HOSTILE_NAME)}: ${quoted(ALL_ATTACKS)}\n`;
    for (const broken of [text, `${hostileConfig()}${unknown}`, `${hostileConfig()}x: ${ALL_ATTACKS}`]) {
      pull.push({ [`${PROJECT}/gitune.yaml`]: broken });
      const { conclusion, plan } = await run();
      assert.equal(conclusion, "failure");
      assert.equal(plan?.outputs["matrix"], "");
    }
  });

  it("whose folder of results is a link out of the repository, or results of its own, leads nowhere", async () => {
    const outside = mkdtempSync(join(scratch, "outside-"));
    writeFileSync(join(outside, ".credentials"), "of the runner");
    for (const name of [".gitune", ".gitune-action", "gitune-new"]) pull.link(name, outside);
    const { conclusion, id } = await run();
    assert.equal(conclusion, "failure");
    for (const artifact of readdirSync(stored.artifacts(id))) {
      const kept = readdirSync(join(stored.artifacts(id), artifact));
      assert.ok(["result.json", "gitune.sarif"].includes(kept.join()), `${artifact}: ${kept.join()}`);
    }
    assert.deepEqual(readdirSync(outside), [".credentials"]);
  });

  it("gets no secret out, in any spelling, and in nothing that anybody wrote", async () => {
    const secrets = [...SECRETS, ...jobTokens];
    assert.ok(secrets.length > 30);
    const texts = [
      ...(await pages()),
      ...jobs.map((job) => ["a job's result", JSON.stringify(job)] as const),
      ...checks.map((check) => ["a check run", JSON.stringify(check)] as const),
      ...addresses.map((path) => ["an address", path] as const),
    ];
    for (const [what, text] of texts) assert.deepEqual(leaksIn(Buffer.from(text), secrets), [], what);
    // Each machine has its own copy of most files.
    const contents = new Map<string, string>();
    for (const file of filesBelow(scratch)) contents.set(sha256(readFileSync(file)), file);
    assert.ok(contents.size > 100, `${contents.size} files`);
    for (const file of contents.values()) {
      assert.deepEqual(leaksIn(readFileSync(file), secrets), [], relative(scratch, file));
    }
  });

  it("commands nothing: no annotation, output, variable or file is its own", () => {
    for (const { annotations, outputs, steps, log } of jobs) {
      for (const { properties } of annotations) assert.match(properties["title"] ?? "gitune", /^gitune/, log);
      for (const names of [outputs, ...Object.values(steps).map((step) => step.outputs)]) {
        assert.ok(!Object.keys(names).some((name) => name.includes("pwned")));
      }
    }
    const commandFiles = filesNamed(/^(?:env|output|path|state)_[0-9a-f-]{36}$/);
    assert.ok(commandFiles.length > 20);
    for (const file of commandFiles) {
      const text = readFileSync(file, "utf8");
      if (basename(file).startsWith("path_")) assert.equal(text, "");
      else assert.ok(!Object.keys(parseCommandFile(text)).some((name) => name.includes("pwned")), file);
    }
    assert.deepEqual(filesNamed(/^pwned$/), []);
    assert.equal(existsSync("pwned"), false);
  });

  it("is read and nothing else on every page", async () => {
    const links = jobs.map((_, i) => `${github.url}/${OWNER}/${REPO}/actions/runs/${9_000_000 + i}`);
    const shown = (await pages()).filter(([, text]) => text !== "");
    assert.ok(shown.length > 10);
    for (const [what, markdown] of shown) assertInertMarkdown(markdown, links, what);
    const html = filesNamed(/^report\.html$/);
    assert.ok(html.length > 0);
    for (const file of html) assertInertHtml(readFileSync(file, "utf8"), relative(scratch, file));
    for (const card of filesNamed(/^README\.md$/).filter((file) => file.includes("store"))) {
      assertInertMarkdown(readFileSync(card, "utf8"), ["https://www.npmjs.com/package/gitune"], "model card");
    }
    for (const { title, annotations } of checks) {
      assertVisible(title ?? "", "check run's title");
      for (const annotation of annotations) assertVisible(String(annotation["message"]), "annotation");
    }
    for (const file of filesNamed(/\.sarif$/)) assert.doesNotMatch(readFileSync(file, "utf8"), /"markdown":|##\[/);
  });
});

it("the search itself finds a secret in each spelling", () => {
  for (const secret of SECRETS) {
    for (const spelling of spellingsOf(secret)) {
      assert.ok(spelling.length >= 8);
      assert.equal(leaksIn(Buffer.from(`{"a":"${spelling}"}`), [secret]).length, 1);
    }
  }
});
