/**
 * Runs the compiled tests of every package, and those of e2e/ and scripts/, with Node's own runner.
 *
 *   node scripts/test.mjs                      everything
 *   node scripts/test.mjs core jsonl           the files whose path has one of the words
 *   node scripts/test.mjs nx --test-name-pattern=cache     flags go to node as they are
 *
 * Node 20 takes no globs in --test, so the files are found here. A run that finds no test fails: a filter with a typo
 * or a build that wrote nothing must not look like success.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

// A hung test must not hold a CI runner until its own limit; the slowest file takes a few minutes on 2 cores.
const FILE_TIMEOUT_MS = 20 * 60_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const flags = process.argv.slice(2).filter((arg) => arg.startsWith("-"));
const words = process.argv.slice(2).filter((arg) => !arg.startsWith("-"));

const files = findTests().filter((file) => words.length === 0 || words.some((word) => matches(file, word)));
if (files.length === 0) {
  console.error(words.length > 0 ? `no test file matches ${words.join(" or ")}` : "no test file found: npm run build");
  process.exitCode = 1;
} else {
  process.exitCode = await runTests();
}

/** @returns {string[]} paths from the root, forward slashes, sorted */
function findTests() {
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}/dist`);
  return [...packages, "e2e", "scripts"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
        .filter((file) => /\.test\.m?js$/.test(file) && !file.includes("/node_modules/")),
    )
    .sort();
}

/** A word is a package's name or any part of a path; `core` must not find packages/eval/dist/score.test.js. */
function matches(file, word) {
  return existsSync(join(root, "packages", word)) ? file.startsWith(`packages/${word}/`) : file.includes(word);
}

/** @returns {Promise<number>} the exit code */
function runTests() {
  const args = [
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    "--test-reporter=spec",
    ...flags,
    ...files,
  ];
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NX_DAEMON: "false" };
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
    let tail = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      process.stdout.write(chunk);
      tail = (tail + chunk).slice(-4096);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal) console.error(`the tests were stopped by ${signal}`);
      // With --test-reporter twice in `flags` the summary may be elsewhere; then Node's exit code decides alone.
      const ran = /^(?:ℹ|#) tests (\d+)/m.exec(stripVTControlCharacters(tail))?.[1];
      if (ran === "0") console.error("no test ran");
      resolve(ran === "0" ? 1 : (code ?? 1));
    });
  });
}
