import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runPipeline } from "./run-pipeline.js";

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "gitune-pipeline-"));
});
after(() => rmSync(dir, { recursive: true, force: true }));

async function run(source: string, args: readonly string[] = [], limit: { readonly endAfterMs?: number } = {}) {
  const main = join(dir, "main.mjs");
  writeFileSync(main, source);
  let log = "";
  const result = await runPipeline({
    main,
    args,
    cwd: dir,
    env: {},
    ...limit,
    write: (text) => {
      log += text;
    },
  });
  return { ...result, lines: log.split("\n") };
}

describe("runPipeline", () => {
  it("keeps stdout, shows stderr between two lines that only we know", async () => {
    const { stdout, exitCode, lines } = await run(
      'console.log("{}"); console.error("::error::x"); process.exitCode = 2',
    );
    assert.equal(stdout, "{}\n");
    assert.equal(exitCode, 2);
    assert.deepEqual(
      lines.slice(0, 3),
      ["tsc", "eslint-compact", "eslint-stylish"].map((owner) => `::remove-matcher owner=${owner}::`),
    );
    const token = /^::stop-commands::(.+)$/.exec(lines[3] ?? "")?.[1];
    assert.deepEqual(lines.slice(4), ["::error::x", `::${token}::`, ""]);
  });

  it("ends a half line before it speaks again, and breaks at every kind of line end", async () => {
    const { lines } = await run('process.stderr.write("a\\rb\\r\\nc")');
    assert.deepEqual(lines.slice(4, 7), ["a", "b", "c"]);
  });

  it("cuts a line of 3 MB", async () => {
    const { lines } = await run('process.stderr.write("x".repeat(3e6) + "\\nafter\\n")');
    assert.ok((lines[4]?.length ?? 0) < 5000);
    assert.ok(lines.includes("after"));
  });

  it("gives arguments as they are, with no shell between", async () => {
    const { stdout } = await run("console.log(JSON.stringify(process.argv.slice(2)))", ["a b", "$(id)", "`id`", ";"]);
    assert.deepEqual(JSON.parse(stdout), ["a b", "$(id)", "`id`", ";"]);
  });

  it("says which signal ended it", async () => {
    const { exitCode, signal } = await run('process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)');
    assert.equal(exitCode, null);
    assert.equal(signal, "SIGKILL");
  });

  it("ends what does not stop at its time limit", async () => {
    const { signal, lines } = await run("setInterval(() => {}, 1000)", [], { endAfterMs: 1 });
    assert.equal(signal, "SIGKILL");
    assert.ok(lines.includes("gitune did not stop at its time limit, so it is ended."));
  });

  it("stops what prints without end", async () => {
    const endless = 'const s = "x".repeat(2 ** 20); (function more() { process.stdout.write(s, more) })()';
    const { isOverflowing } = await run(endless);
    assert.equal(isOverflowing, true);
  });
});
