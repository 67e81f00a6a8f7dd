import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { GituneError } from "@gitune/core";
import { type CommandCall, runCommand } from "./run-command.js";
import { SecretGuard } from "./secret-guard.js";
import { sourceEnv } from "./source-env.js";

function run(script: string, more: Partial<CommandCall> = {}): Promise<Buffer> {
  return runCommand({
    command: [process.execPath, "-e", script],
    cwd: tmpdir(),
    env: sourceEnv(process.env, []),
    timeoutMs: 20_000,
    maxBytes: 1000,
    guard: new SecretGuard(["the-token-of-it"]),
    signal: new AbortController().signal,
    ...more,
  });
}

const fails = (words: RegExp) => (error: unknown) =>
  error instanceof GituneError && error.exitCode === 3 && words.test(error.issues[0]?.message ?? "");

test("what it prints is the answer", async () => {
  assert.equal((await run("console.log('rows')")).toString(), "rows\n");
});

test("it ends: by its time, by its output, by an abort, with what it has started", async () => {
  await assert.rejects(run("setInterval(() => {}, 1000)", { timeoutMs: 300 }), fails(/longer than 0.3 s/));
  const flood = "const more = () => process.stdout.write('x'.repeat(1000), more); more()";
  await assert.rejects(run(flood), fails(/more than 1000 bytes/));
  // A child that holds the pipes must not hold us.
  const nested =
    "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })";
  await assert.rejects(run(nested, { timeoutMs: 500 }), fails(/longer than/));
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(run("setInterval(() => {}, 1000)", { signal: abort.signal }), { name: "AbortError" });
});

test("a failure says what it said, harmless, and without secrets", async () => {
  await assert.rejects(
    run("console.error('no\\x1b[2J route'); process.exit(3)"),
    fails(/exit code 3: no\\u001b\[2J route/),
  );
  await assert.rejects(run("console.error('key the-token-of-it'); process.exit(3)"), fails(/not shown/));
  await assert.rejects(run("console.error('ghp_' + 'a1B2'.repeat(9)); process.exit(3)"), fails(/not shown/));
  await assert.rejects(run("process.kill(process.pid, 'SIGTERM')"), fails(/SIGTERM/));
  await assert.rejects(run("", { command: ["gitune-no-such-program"] }), fails(/no such program/));
});

test("a shell's words are words", async () => {
  const command = [process.execPath, "-p", "process.argv[1]", "$(id); `id` | x > y"];
  assert.equal((await run("", { command })).toString(), "$(id); `id` | x > y\n");
});

test("the environment: the harmless and the named; no token of the runner", () => {
  const env = { PATH: "/bin", LC_ALL: "C", GITHUB_TOKEN: "x", HF_TOKEN: "x", NODE_OPTIONS: "x", KEY: "k" };
  assert.deepEqual(sourceEnv(env, ["KEY"]), { PATH: "/bin", LC_ALL: "C", KEY: "k" });
});
