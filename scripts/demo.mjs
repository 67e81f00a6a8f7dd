/**
 * `npm start`: what a pull request with a change to a dataset gets, on this machine. `npm start -- --bad` shows a
 * change that does harm. Ends with the pipeline's exit code: 0 where the gate says yes, 1 where it says no.
 */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { demoEnvironment, makeDemoRepository } from "./demo/repository.mjs";
import { terminalMarkdown } from "./demo/terminal-markdown.mjs";

const USAGE = `Usage: npm start [-- --bad]

Takes a change to a dataset through the whole pipeline: validate, diff, train the adapters of main and of the
change, evaluate both on the same rows, apply the gate, write the report.

  npm start            a change that helps: exit code 0
  npm start -- --bad   a change with wrong labels: the gate says no, exit code 1`;

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  console.log(USAGE);
} else if (args.some((arg) => arg !== "--bad")) {
  console.error(`unknown option: ${args.find((arg) => arg !== "--bad")}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  process.exitCode = await demo(args.includes("--bad") ? "bad" : "good");
}

/** @param {"good" | "bad"} change @returns {Promise<number>} */
async function demo(change) {
  const started = performance.now();
  const { folder, branch } = makeDemoRepository({ root, parent: join(root, ".gitune", "demo"), change });
  const shown = relative(process.cwd(), folder) || ".";
  console.log(`Branch ${branch} of the demo repository ${shown}, as a pull request to main:\n`);

  const cli = join(root, "packages", "cli", "dist", "main.js");
  const store = process.env.GITUNE_STORE ?? join(root, ".gitune", "store");
  const { code, text } = await gitune(cli, ["run", "--base", "main"], folder, {
    ...demoEnvironment(),
    GITUNE_STORE: store,
  });
  const made = join(folder, ".gitune", "report");
  if (!existsSync(join(made, "report.md"))) {
    process.stdout.write(text);
    return code === 0 ? 3 : code;
  }

  const report = join(root, ".gitune", "report");
  copyFiles(made, report);
  const markdown = readFileSync(join(made, "report.md"), "utf8");
  const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
  console.log(rule("the comment this pull request gets"));
  process.stdout.write(terminalMarkdown(markdown, { color }));
  console.log(rule());
  process.stdout.write(text);

  const here = (path) => relative(process.cwd(), path) || ".";
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const [same, other] = change === "good" ? ["npm start", "npm start -- --bad"] : ["npm start -- --bad", "npm start"];
  const calls = [
    [same, "again: served from the store, nothing is trained twice"],
    [other, change === "good" ? "a change that does harm" : "a change that helps"],
    [`(cd ${shown} && node ${relative(folder, cli)} diff main)`, "the rows that this change touches"],
  ];
  console.log(`
Done in ${seconds} s with exit code ${code} (0: the gate says yes, 1: it says no).

Report: ${here(join(report, "report.html"))} for a browser; report.md and results.json beside it.
Next:`);
  for (const [call, purpose] of calls) console.log(`  ${call}\n      ${purpose}`);
  return code;
}

/** Runs the real CLI. Its progress goes straight to the terminal, its answer comes back. */
function gitune(cli, args, cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    // Ctrl-C reaches both of us: the CLI stops cleanly, and this script waits to hear its exit code.
    const wait = () => {};
    process.on("SIGINT", wait);
    child.on("error", reject);
    child.on("close", (status) => {
      process.off("SIGINT", wait);
      resolve({ code: status ?? 3, text });
    });
  });
}

/** Each file appears whole or not at all, also when two demos end at once. */
function copyFiles(from, to) {
  for (const name of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const source = join(name.parentPath ?? name.path, name.name);
    const target = join(to, relative(from, source));
    mkdirSync(dirname(target), { recursive: true });
    const temporary = `${target}.${process.pid}.tmp`;
    copyFileSync(source, temporary);
    renameSync(temporary, target);
  }
}

function rule(title = "") {
  const line = "─".repeat(100);
  return title === "" ? line : `── ${title} ${line.slice(title.length + 4)}`;
}
