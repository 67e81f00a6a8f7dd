/** `gitune refresh` as a process: real servers on loopback, real programs, a real git, and a base that is trained. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import {
  COLORS,
  colorsConfig,
  colorsFiles,
  jsonl,
  type RefreshAnswer,
  RefreshRepository,
  row,
} from "../support/refresh-repository.js";
import { type RowServer, rowsAnswer, startRowServer } from "../support/row-server.js";

const BRANCH = "gitune/refresh-colors";
const INTO = `${COLORS}/train/new.jsonl`;

let server: RowServer;
let repository: RefreshRepository;

before(async () => {
  server = await startRowServer();
});
after(() => server.close());
afterEach(() => repository.remove());

const http = (more = "") =>
  `    - { type: http, name: feedback, url: "${server.url}/rows.jsonl", into: train/new.jsonl${more} }`;

function open(sources: string, more = ""): RefreshRepository {
  repository = new RefreshRepository(colorsFiles(colorsConfig(sources, more)));
  return repository;
}

function only({ document, stderr }: RefreshAnswer) {
  const [project] = document.projects;
  assert.ok(project, stderr);
  return project;
}

function countsOf(answer: RefreshAnswer, name = "feedback") {
  const source = only(answer).sources.find((one) => one.name === name);
  return {
    status: source?.status,
    new: source?.new,
    known: source?.known,
    passed_over: source?.passed_over,
    quarantined: source?.quarantined,
  };
}

describe("new rows", () => {
  it("are committed beside the working tree, trained, judged, and proposed once", async () => {
    const made = open(http());
    const head = made.git("rev-parse", "HEAD");
    server.answer(
      rowsAnswer(
        jsonl([
          row("colour of the sun?", "yellow"),
          row("colour of grass?", "green"),
          row("colour of an orange?", "o"),
        ]),
      ),
    );
    const late = await made.refresh(["--time-limit", "0.0001"]);
    assert.deepEqual([late.code, only(late).status, only(late).issues[0]?.code], [3, "failed", "run.time-limit"]);
    const first = await made.refresh();
    assert.equal(first.code, 0, first.stderr + first.stdout);
    const project = only(first);
    assert.deepEqual([project.status, project.verdict, project.branch], ["proposed", "pass", BRANCH]);
    assert.deepEqual(countsOf(first), { status: "read", new: 2, known: 1, passed_over: 0, quarantined: 0 });
    assert.match(project.run?.comment ?? "", /colors/);
    assert.equal(made.git("rev-parse", BRANCH), project.commit);
    assert.equal(made.git("rev-parse", `${BRANCH}~1`), head);
    assert.deepEqual(made.git("diff", "--name-only", `main..${BRANCH}`).split("\n"), [
      `${COLORS}/.refresh.jsonl`,
      INTO,
    ]);
    assert.equal(made.rows(BRANCH, INTO).length, 2);
    assert.deepEqual([made.git("rev-parse", "HEAD"), made.git("status", "--porcelain")], [head, ""]);

    // The server says itself that nothing changed, since the state is on the branch.
    const second = await made.refresh();
    assert.deepEqual([second.code, only(second).status, countsOf(second).status], [0, "pending", "unchanged"]);
    // What the store has of it, for whoever was cut off before it had told.
    const again = project.run?.comment.replaceAll("trained now", "from the store");
    assert.deepEqual([only(second).verdict, only(second).run?.comment], ["pass", again]);
    assert.equal(made.git("rev-parse", BRANCH), project.commit);
    assert.ok(server.seen.at(-1)?.headers["if-none-match"]);

    // Merged: nothing waits any more, and nothing is asked for again.
    made.git("merge", "--quiet", "--ff-only", BRANCH);
    const third = await made.refresh();
    assert.deepEqual([third.code, only(third).status], [0, "unchanged"]);
  });

  it("come in the same order, whatever the source's order is", async () => {
    const rows = ["one", "two", "three", "four"].map((name) => row(`colour of ${name}?`, name));
    const texts: string[] = [];
    for (const order of [rows, [...rows].reverse()]) {
      const made = open(http());
      server.answer(rowsAnswer(jsonl(order)));
      await made.refresh();
      texts.push(made.git("show", `${BRANCH}:${INTO}`));
      if (order === rows) made.remove();
    }
    assert.equal(texts[0], texts[1]);
  });

  it("go on top of what waits, what a person changed there, and what main has since", async () => {
    const made = open(http());
    server.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    await made.refresh();
    // A person mends the answer on the branch.
    made.git("checkout", "--quiet", BRANCH);
    const mended = made.commit("Mend", { [INTO]: jsonl([row("colour of the sun?", "white, in truth")]) });
    made.git("checkout", "--quiet", "main");
    const main = made.commit("More", { [INTO]: jsonl([row("colour of a leaf?", "green")]) });
    server.answer(rowsAnswer(jsonl([row("colour of the sea?", "blue, mostly")])));
    const { code, stdout } = await made.refresh();
    assert.equal(code, 0, stdout);
    for (const commit of [mended, main]) made.git("merge-base", "--is-ancestor", commit, BRANCH);
    const answers = made.rows(BRANCH, INTO).map((one) => JSON.stringify(one));
    assert.equal(answers.length, 3);
    assert.ok(answers.some((text) => text.includes("white, in truth")));
    assert.ok(answers.some((text) => text.includes("green")));
    assert.ok(answers.some((text) => text.includes("blue, mostly")));
  });

  it("that people took out or mended stay out, also after the merge", async () => {
    const made = open(http());
    const [sun, moon, sea] = [row("colour of the sun?", "yellow"), row("the moon?", "cheese"), row("the sea?", "blue")];
    server.answer(rowsAnswer(jsonl([sun, moon])));
    await made.refresh();
    made.git("checkout", "--quiet", BRANCH);
    const white = row("colour of the sun?", "white");
    made.commit("No cheese", { [INTO]: jsonl([white]) });
    made.git("checkout", "--quiet", "main");
    server.answer(rowsAnswer(jsonl([sun, moon, sea])));
    const again = await made.refresh();
    assert.deepEqual(countsOf(again), { status: "read", new: 1, known: 0, passed_over: 2, quarantined: 0 });
    assert.deepEqual(made.rows(BRANCH, INTO), [white, sea]);
    made.git("merge", "--quiet", "--ff-only", BRANCH);
    server.answer(rowsAnswer(jsonl([moon, sun])));
    const merged = await made.refresh();
    assert.deepEqual([only(merged).status, countsOf(merged).passed_over], ["unchanged", 2]);
  });

  it("begin anew where the proposal was merged as one commit", async () => {
    const made = open(http());
    server.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    await made.refresh();
    made.git("merge", "--quiet", "--squash", BRANCH);
    made.git("commit", "--quiet", "--message", "Squashed");
    const quiet = await made.refresh();
    assert.equal(only(quiet).status, "unchanged");
    server.answer(rowsAnswer(jsonl([row("colour of the sea?", "blue, mostly")])));
    assert.equal(only(await made.refresh()).status, "proposed");
    assert.deepEqual(made.git("diff", "--numstat", `main...${BRANCH}`, "--", INTO).split("\t")[0], "1");
  });

  it("of two runs at once are all there, each once", async () => {
    const made = open(http());
    server.answer(
      rowsAnswer(jsonl([row("colour of the sun?", "yellow")])),
      rowsAnswer(jsonl([row("colour of the sea?", "blue, mostly")])),
      rowsAnswer(jsonl([row("colour of the sun?", "yellow"), row("colour of the sea?", "blue, mostly")])),
    );
    const answers = await Promise.all([made.refresh(), made.refresh()]);
    assert.deepEqual(
      answers.map(({ code }) => code),
      [0, 0],
      answers.map(({ stdout }) => stdout).join(),
    );
    const rows = made.rows(BRANCH, INTO).map((one) => JSON.stringify(one));
    assert.deepEqual(rows.length, 2);
  });
});

describe("rows that are not fit", () => {
  it("are quarantined with their reasons; the others come in", async () => {
    const token = `ghp_${"a1B2".repeat(9)}`;
    const made = open(http());
    const text = [
      JSON.stringify(row("colour of the sun?", "yellow")),
      JSON.stringify({ messages: [{ role: "user", content: "no answer?" }] }),
      '{"messages": [',
      JSON.stringify(row("colour of snow?", "white")),
      JSON.stringify(row("my token?", token)),
      `{"broken": "${token}`,
      JSON.stringify(row("colour of coal?", "black")),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow, as a row may hold it
      JSON.stringify(row("colour of \u202ethe sun\u001b[2J`$(id)` ${{ secrets.X }} @octo ::error::x", "x")),
    ].join("\n");
    server.answer(rowsAnswer(text));
    const answer = await made.refresh();
    assert.equal(answer.code, 0, answer.stderr);
    assert.deepEqual(countsOf(answer), { status: "read", new: 2, known: 1, passed_over: 0, quarantined: 5 });
    assert.deepEqual(only(answer).quarantine, {
      "data.contamination": 1,
      "jsonl.parse": 1,
      "refresh.secret": 2,
      "row.last-role": 1,
    });
    const file = join(made.root, only(answer).quarantine_file ?? "");
    const kept = readFileSync(file, "utf8");
    assert.equal(made.git("status", "--porcelain"), "", "the quarantine is not for git");
    for (const where of [kept, answer.stdout, answer.stderr, made.git("log", "-p", BRANCH)])
      assert.ok(!where.includes(token.slice(0, 12)));
    const lines = kept.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { line: number }).line),
      [2, 3, 4, 5, 6],
    );
  });

  it("alone are nothing to propose", async () => {
    const made = open(http());
    server.answer(rowsAnswer('{"messages": []}\n'));
    const answer = await made.refresh();
    assert.deepEqual([answer.code, only(answer).status, only(answer).commit], [0, "unchanged", null]);
    assert.equal(made.git("branch", "--list", "gitune/*"), "");
  });

  it("a gate that says no is exit code 1, and the rows are proposed all the same", async () => {
    const made = open(http());
    const rule = colorsConfig(http()).replace("max_regression: 0.9", "min: 0.99");
    made.commit("Strict", { [`${COLORS}/gitune.yaml`]: rule });
    server.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    const answer = await made.refresh();
    assert.deepEqual([answer.code, only(answer).status, only(answer).verdict], [1, "proposed", "fail"]);
  });
});

describe("kinds of sources", () => {
  it("command: no shell, a scrubbed environment, in the project's folder", async () => {
    const made = open(
      '    - { type: command, name: feedback, command: [node, tools/export.mjs, "$(id) `x`"], env: [ALLOWED], into: train/new.jsonl }',
    );
    const script = `const [, , arg] = process.argv;
const message = (role, content) => ({ role, content });
const seen = [arg, process.env.ALLOWED ?? "-", process.env.GITHUB_TOKEN ?? "-", process.cwd().endsWith("colors")];
console.log(JSON.stringify({ messages: [message("user", seen.join("|")), message("assistant", "ok")] }));`;
    made.commit("Script", { [`${COLORS}/tools/export.mjs`]: script });
    const answer = await made.refresh([], { ALLOWED: "let in", GITHUB_TOKEN: "ghs_outer" });
    // What it may see is a secret, and what shows it is not shown.
    assert.deepEqual(only(answer).quarantine, { "refresh.secret": 1 });
    const free = await made.refresh([], { ALLOWED: "tiny", GITHUB_TOKEN: "ghs_outer" });
    assert.equal(free.code, 0, free.stderr);
    assert.match(JSON.stringify(made.rows(BRANCH, INTO)), /\$\(id\) `x`\|tiny\|-\|true/);
  });

  it("logs: rows that people accepted, mapped to the project's format", async () => {
    const made = open(
      "    - { type: logs, name: feedback, files: logs/*.jsonl, format: prompt-completion, into: train/new.jsonl, accept: { /feedback/vote: [up] }, map: { prompt: /request/messages, completion: /response/text } }",
    );
    const log = (question: string, text: string, vote: string) => ({
      request: { messages: [{ role: "user", content: question }] },
      response: { text },
      feedback: { vote },
    });
    made.write({
      "logs/a.jsonl": jsonl([log("colour of the sun?", "yellow  \r\n", "up"), log("colour of mud?", "pink", "down")]),
      "logs/b.jsonl": `${JSON.stringify(log("colour of e\u0301?", "none", "up"))}\n{"half`,
    });
    const answer = await made.refresh();
    assert.deepEqual(countsOf(answer), { status: "read", new: 2, known: 0, passed_over: 1, quarantined: 1 });
    const rows = JSON.stringify(made.rows(BRANCH, INTO));
    assert.ok(rows.includes('"content":"yellow"') && rows.includes("colour of \u00e9?"));
  });

  it("one that fails does not hold back another", async () => {
    const made = open(
      `${http()}\n    - { type: command, name: broken, command: [node, -e, "console.error('why ' + process.env.KEY); process.exit(7)"], env: [KEY], into: train/new.jsonl }`,
    );
    server.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    const answer = await made.refresh([], { KEY: "topsecretvalue" });
    assert.deepEqual([answer.code, only(answer).status], [3, "proposed"]);
    const broken = only(answer).sources.find(({ name }) => name === "broken");
    assert.deepEqual([broken?.status, broken?.issues[0]?.code], ["failed", "refresh.source"]);
    assert.match(broken?.issues[0]?.message ?? "", /exit code 7/);
    assert.ok(!(answer.stdout + answer.stderr).includes("topsecretvalue"));
  });
});

describe("what is refused", () => {
  it("a branch that is checked out, and a project without sources", async () => {
    const made = open(http());
    server.answer(rowsAnswer(jsonl([row("colour of the sun?", "yellow")])));
    await made.refresh();
    made.git("checkout", "--quiet", BRANCH);
    const held = await made.refresh();
    assert.deepEqual([held.code, only(held).issues[0]?.code], [2, "refresh.in-use"]);
    const { code, stdout } = await made.refresh(["nobody"]);
    assert.equal(code, 2);
    assert.match(stdout, /cli.usage/);
  });

  it("sources that the config cannot mean", async () => {
    for (const [source, code] of [
      ['{ type: http, name: a, url: "http://example.com/x", into: train/new.jsonl }', "config.refresh"],
      ['{ type: http, name: a, url: "https://u:p@example.com/x", into: train/new.jsonl }', "config.refresh"],
      ['{ type: http, name: a, url: "https://example.com/x", into: ../new.jsonl }', "config.refresh"],
      ["{ type: logs, name: a, files: ../x.jsonl, accept: { /a: 1 }, into: train/new.jsonl }", "config.path"],
      ["{ type: command, name: a, command: x, into: train/new.jsonl }", "config.type"],
      ["{ type: http, name: a, into: train/new.jsonl }", "config.required"],
      ['{ type: http, name: a, url: "https://example.com/x", shell: x, into: train/new.jsonl }', "config.unknown-key"],
    ] as const) {
      const made = open(`    - ${source}`);
      const { code: exitCode, stdout } = await made.refresh();
      assert.equal(exitCode, 2, source);
      assert.ok(stdout.includes(code), `${source}: ${stdout}`);
      made.remove();
    }
  });
});
