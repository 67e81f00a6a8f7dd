/** `gitune init` with somebody at the terminal, who answers or leaves; and what it says of rows that nobody should learn. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import { ENVIRONMENT, GitRepository } from "../support/git-repository.js";
import type { Files } from "../support/pull-request.js";
import { NO_TERMINAL, nodeAtTerminal } from "../support/terminal.js";
import { tinyBase } from "../support/tiny-base.js";

const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

let repository: GitRepository;
afterEach(() => repository.remove());

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const faq = (n: number) => ({ question: `What is number ${n}?`, answer: `It is ${n * 7}, of course.` });
const ROWS: Files = { "faq.jsonl": lines(Array.from({ length: 20 }, (_, n) => faq(n))) };

function open(files: Files) {
  repository = new GitRepository(files);
  return repository.root;
}

function atTerminal(...args: readonly string[]) {
  return nodeAtTerminal([MAIN, "init", ...args], { cwd: repository.root, env: ENVIRONMENT });
}

const isThere = (file: string) => existsSync(join(repository.root, file));

describe("gitune init at a terminal", { skip: NO_TERMINAL }, () => {
  it("asks which base to train on where there is none, and whether to write", async () => {
    open(ROWS);
    const terminal = atTerminal();
    await terminal.until("There is no base model below models/.");
    await terminal.until("[HuggingFaceTB/SmolLM2-135M-Instruct]");
    terminal.type("\n");
    await terminal.until("[Y/n]");
    assert.ok(!isThere("datasets"), "nothing before the answer");
    terminal.type("\n");
    assert.equal(await terminal.ended, 0, terminal.shown());
    assert.match(terminal.shown(), /hf download HuggingFaceTB\/SmolLM2-135M-Instruct --revision [0-9a-f]{40}/);
    assert.match(readFileSync(join(repository.root, "datasets/faq/gitune.yaml"), "utf8"), /revision: [0-9a-f]{40}/);
  });

  it("takes the base that is typed, and a no", async () => {
    open({ ...ROWS, ...tinyBase("elsewhere/tiny") });
    const terminal = atTerminal();
    await terminal.until("]");
    terminal.type("elsewhere/tiny\n");
    await terminal.until("[Y/n]");
    terminal.type("no\n");
    assert.equal(await terminal.ended, 0, terminal.shown());
    assert.match(terminal.shown(), /base {2}elsewhere\/tiny/);
    assert.equal(repository.git("status", "--porcelain"), "");
  });

  it("asks who can open pull requests before it gives them a machine of one's own", async () => {
    open({ ...ROWS, ...tinyBase("models/tiny") });
    const args = ["--runner", "self-hosted,gpu"];
    const refused = atTerminal(...args);
    await refused.until("[y/N]");
    refused.type("\n");
    assert.equal(await refused.ended, 2, refused.shown());
    assert.equal(repository.git("status", "--porcelain"), "");
    const terminal = atTerminal(...args);
    await terminal.until("[y/N]");
    terminal.type("y\n");
    await terminal.until("[Y/n]");
    terminal.type("y\n");
    assert.equal(await terminal.ended, 0, terminal.shown());
    assert.match(readFileSync(join(repository.root, ".github/workflows/gitune.yml"), "utf8"), /self-hosted/);
  });

  it("ends at Ctrl-C and at Ctrl-D with exit code 3, and writes nothing", async () => {
    open({ ...ROWS, ...tinyBase("models/tiny") });
    for (const key of [CTRL_C, CTRL_D]) {
      const terminal = atTerminal();
      await terminal.until("[Y/n]");
      terminal.type(key);
      assert.equal(await terminal.ended, 3, terminal.shown());
      assert.match(terminal.shown(), /\[cli\.interrupted\]/);
      assert.equal(repository.git("status", "--porcelain"), "");
    }
  });
});

describe("gitune init without anybody to ask", () => {
  const init = (...args: readonly string[]) =>
    execFileSync(process.execPath, [MAIN, "init", ...args], {
      cwd: repository.root,
      env: ENVIRONMENT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  it("says in an empty repository where the base comes from", () => {
    open({});
    const said = init();
    assert.match(said, /^example {2}messages, from an example$/m);
    assert.match(said, /the base comes from the Hub the first time that it is needed/);
    assert.match(said, /hf download HuggingFaceTB\/SmolLM2-135M-Instruct --revision [0-9a-f]{40}$/m);
    assert.ok(isThere("datasets/example/gitune.yaml"));
  });

  it("warns of rows that hold secrets or personal data, by kind and place, and never shows them", () => {
    const token = `ghp_${"a1B2".repeat(9)}`;
    const mail = "jane.doe@acme.dev";
    const rows = Array.from({ length: 20 }, (_, n) => faq(n));
    const hot = [
      { question: "Who are you?", answer: `Ask ${mail}.` },
      { question: "My token?", answer: token },
    ];
    open({ ...tinyBase("models/tiny"), "faq.jsonl": lines([...rows.slice(0, 4), ...hot, ...rows.slice(4), hot[0]]) });
    const said = init("--dry-run");
    assert.match(said, /careful: 2 rows with an e-mail address, the first at faq\.jsonl:5$/m);
    assert.match(said, /careful: 1 row with a GitHub token, the first at faq\.jsonl:6$/m);
    const document = JSON.parse(init("--json", "--yes")) as { projects: { sensitive: unknown }[] };
    assert.deepEqual(document.projects[0]?.sensitive, [
      { kind: "an e-mail address", rows: 2, first: "faq.jsonl:5" },
      { kind: "a GitHub token", rows: 1, first: "faq.jsonl:6" },
    ]);
    for (const text of [said, JSON.stringify(document)]) assert.ok(!text.includes(token) && !text.includes(mail));
    const config = readFileSync(join(repository.root, "datasets/faq/gitune.yaml"), "utf8");
    assert.match(config, /pii: warning/);
  });
});
