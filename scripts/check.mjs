/**
 * Everything that must hold before a change lands. `npm run check`, or some steps: `npm run check -- lint tests`,
 * or all but some: `npm run check -- --except tests`. Every step runs, also after one has failed.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** name: the commands of the step, each run from the root by this Node. */
const STEPS = {
  types: [["scripts/build.mjs"]],
  lint: [["node_modules/@biomejs/biome/bin/biome", "check", "."], ["scripts/lint-edges.mjs"]],
  docstrings: [["scripts/docstrings.mjs"]],
  generated: [["scripts/generated.mjs", "--check"]],
  tests: [["scripts/test.mjs"]],
  packages: [["scripts/package-check.mjs"]],
};

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);
const except = args[0] === "--except";
const named = except ? args.slice(1) : args;
const unknown = named.find((name) => !Object.hasOwn(STEPS, name));

if (unknown !== undefined || (except && named.length === 0)) {
  console.error(`usage: npm run check -- [--except] [${Object.keys(STEPS).join(" | ")} ...]`);
  process.exitCode = 2;
} else {
  const chosen = Object.keys(STEPS).filter((name) => named.length === 0 || named.includes(name) !== except);
  const outcomes = chosen.map(runStep);
  console.log("");
  for (const { name, ok, seconds } of outcomes) console.log(`${ok ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (outcomes.some(({ ok }) => !ok)) process.exitCode = 1;
}

function runStep(name) {
  console.log(`\n── ${name}`);
  const started = performance.now();
  const failed = STEPS[name].filter((command) => {
    const { status, error } = spawnSync(process.execPath, command, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (error) throw error;
    return status !== 0;
  });
  return { name, ok: failed.length === 0, seconds: ((performance.now() - started) / 1000).toFixed(1) };
}
