/** The plugin inside the real nx, in a workspace of its own: a git repository with three projects. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createNodes, createNodesV2 } from "./index.js";

const require = createRequire(import.meta.url);
const NX = require.resolve("nx/bin/nx.js");
const NODE_MODULES = dirname(dirname(require.resolve("nx/package.json")));

// Stands for the CLI, which has tests of its own: notes each call, and writes what the real one would.
const TOOL = `
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
const args = process.argv.slice(2);
if (args[0] !== "--version") appendFileSync("calls.log", args.join(" ") + "\\n");
else console.log("1.0.0");
const out = args[0] === "run" ? ".gitune/report/" + args[1] + "/report.md" : args[args.indexOf("--out") + 1];
if (args[0] === "train") {
  mkdirSync(out, { recursive: true });
  writeFileSync(out + "/adapter_model.safetensors", "weights");
} else if (args[0] === "eval" || args[0] === "run") {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, "{}");
}
`;

const config = (name: string, mix = ""): string => `name: ${name}
data: { format: messages, splits: { train: train/*.jsonl } ${mix} }
train: { base: models/tiny }
evals: [{ name: answers, data: evals/answers.jsonl }]
`;

describe("@gitune/nx in a workspace", () => {
  let root = "";

  before(() => {
    root = mkdtempSync(join(tmpdir(), "gitune-nx-"));
    const nxJson = {
      defaultBase: "main",
      analytics: false,
      plugins: [
        {
          plugin: fileURLToPath(new URL("./index.js", import.meta.url)),
          options: { bin: "node tool.mjs", toolInputs: ["{workspaceRoot}/tool.mjs"] },
        },
      ],
    };
    const files = {
      "package.json": JSON.stringify({ name: "ws", private: true }),
      "nx.json": JSON.stringify(nxJson),
      ".gitignore": "node_modules\n.nx\n.gitune\ncalls.log\n",
      "tool.mjs": TOOL,
      "README.md": "hello\n",
      "models/tiny/config.json": "{}\n",
      "datasets/faq/gitune.yaml": config("faq"),
      "datasets/faq/train/a.jsonl": '{"a":1}\n',
      "datasets/faq/evals/answers.jsonl": "{}\n",
      "datasets/nested/deep/tickets/gitune.yaml": `${config("tickets", ", mix: [{ project: faq, weight: 0.5 }]")}refresh: { sources: [{ name: logs, type: logs }] }\n`,
      "datasets/nested/deep/tickets/train/a.jsonl": '{"a":1}\n',
      "datasets/nested/deep/tickets/evals/answers.jsonl": "{}\n",
      "datasets/broken/gitune.yaml": "name: [not, a, name\n",
      "elsewhere/gitune.yaml": config("elsewhere"),
    };
    for (const [file, text] of Object.entries(files)) write(file, text);
    symlinkSync(NODE_MODULES, join(root, "node_modules"), "dir");
    git("init", "-q", "-b", "main");
    git("config", "user.name", "t");
    git("config", "user.email", "t@example.com");
    commit("first");
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  test("one project per gitune.yaml below datasets/, a broken one included", () => {
    assert.deepEqual(nxList("show", "projects"), ["datasets-broken", "faq", "tickets"]);
    const project = nxJson("show", "project", "tickets") as { root: string; targets: Record<string, unknown> };
    assert.equal(project.root, "datasets/nested/deep/tickets");
    assert.deepEqual(Object.keys(project.targets).sort(), ["eval", "gate", "refresh", "train", "validate"]);
    const broken = nxJson("show", "project", "datasets-broken") as { targets: Record<string, unknown> };
    assert.deepEqual(Object.keys(broken.targets), ["validate"]);
  });

  test("the second run is a cache hit; after a row changed only its projects run", () => {
    assert.deepEqual(run("run-many", "-t", "validate"), ["validate broken", "validate faq", "validate tickets"]);
    assert.deepEqual(run("run-many", "-t", "validate"), []);
    appendFileSync(join(root, "README.md"), "unrelated\n");
    assert.deepEqual(run("run-many", "-t", "validate"), []);
    appendFileSync(join(root, "datasets/nested/deep/tickets/train/a.jsonl"), '{"a":2}\n');
    assert.deepEqual(run("run-many", "-t", "validate"), ["validate tickets"]);
    appendFileSync(join(root, "datasets/faq/train/a.jsonl"), '{"a":2}\n');
    assert.deepEqual(run("run-many", "-t", "validate"), ["validate faq", "validate tickets"], "mixed rows count");
    commit("rows");
  });

  test("affected picks exactly the changed project, and those that mix it in", () => {
    git("checkout", "-q", "-b", "change");
    appendFileSync(join(root, "README.md"), "unrelated\n");
    commit("unrelated");
    assert.deepEqual(affected(), []);
    appendFileSync(join(root, "datasets/nested/deep/tickets/train/a.jsonl"), '{"a":3}\n');
    commit("tickets");
    assert.deepEqual(affected(), ["tickets"]);
    appendFileSync(join(root, "datasets/faq/train/a.jsonl"), '{"a":3}\n');
    commit("faq");
    assert.deepEqual(affected(), ["faq", "tickets"]);
    appendFileSync(join(root, "models/tiny/config.json"), "\n");
    commit("base");
    assert.deepEqual(affected(), ["faq", "tickets"]);
  });

  test("refresh asks the sources each time", () => {
    for (const _ of [1, 2]) assert.deepEqual(run("run", "tickets:refresh"), ["refresh tickets"]);
  });

  test("gate runs eval, train and validate first, and gives outputs back from the cache", () => {
    const calls = run("run", "faq:gate");
    const out = "datasets/faq/.gitune";
    assert.deepEqual(calls, [
      "validate faq",
      `train faq --out ${out}/adapter`,
      `eval faq --adapter ${out}/adapter --out ${out}/results.json`,
      "run faq --base main",
    ]);
    rmSync(join(root, out), { recursive: true });
    rmSync(join(root, ".gitune"), { recursive: true });
    assert.deepEqual(run("run", "faq:gate"), []);
    assert.ok(existsSync(join(root, out, "adapter/adapter_model.safetensors")));
    assert.ok(existsSync(join(root, out, "results.json")));
    assert.ok(existsSync(join(root, ".gitune/report/faq/report.md")));

    write("datasets/faq/evals/answers.jsonl", '{"new":true}\n');
    const again = run("run", "faq:gate").map((call) => call.split(" ")[0]);
    assert.deepEqual(again, ["validate", "eval", "run"], "a new suite trains nothing");
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  function git(...args: string[]): void {
    execFileSync("git", args, { cwd: root, stdio: "pipe" });
  }

  function commit(message: string): void {
    git("add", "-A");
    git("commit", "-q", "-m", message);
  }

  function nx(...args: string[]): string {
    const env: NodeJS.ProcessEnv = { ...process.env, NX_DAEMON: "false", CI: "true" };
    // Set where nx itself runs these tests; they would point the inner nx at the outer workspace.
    for (const name of Object.keys(env)) if (name.startsWith("NX_") && name !== "NX_DAEMON") delete env[name];
    return execFileSync(process.execPath, [NX, ...args], { cwd: root, env, encoding: "utf8", stdio: "pipe" });
  }

  function nxJson(...args: string[]): unknown {
    return JSON.parse(nx(...args, "--json"));
  }

  function nxList(...args: string[]): string[] {
    return (nxJson(...args) as string[]).sort();
  }

  function affected(): string[] {
    return nxList("show", "projects", "--affected", "--base=main", "--head=HEAD", "--with-target=validate");
  }

  /** @returns the calls of the tool, in order for one project, sorted for several */
  function run(...args: string[]): string[] {
    const log = join(root, "calls.log");
    rmSync(log, { force: true });
    nx(...args, "--parallel=1");
    const calls = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
    return args[0] === "run-many" ? calls.sort() : calls;
  }
});

test("both names are the same value: nx 21 calls one, later versions the other", () => {
  assert.equal(createNodes, createNodesV2);
});
