/**
 * Compares gitune with PyTorch, transformers and PEFT on a real model: `npm run test:parity`, or some checks of it:
 * `npm run test:parity -- tokens logits`. `--full` trains every case. Needs Python 3.11 or newer; docs/parity.md says what is
 * compared and how closely.
 * Exit codes: 0 all figures within their limits, 1 not so, 2 usage, 3 the machine lacks something.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBase } from "../packages/train/dist/index.js";
import { families } from "./parity/checks/families.mjs";
import { generation } from "./parity/checks/generation.mjs";
import { gguf } from "./parity/checks/gguf.mjs";
import { interop } from "./parity/checks/interop.mjs";
import { logits } from "./parity/checks/logits.mjs";
import { release } from "./parity/checks/release.mjs";
import { tokens } from "./parity/checks/tokens.mjs";
import { training } from "./parity/checks/training.mjs";
import { workflows } from "./parity/checks/workflows.mjs";
import { MachineError, openEnvironment } from "./parity/environment.mjs";
import { formatFigure, holds, isLimited } from "./parity/figure.mjs";

const CHECKS = { tokens, gguf, logits, generation, training, families, interop, release, workflows };

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, ".gitune", "parity");
const full = process.argv.includes("--full");
const names = process.argv.slice(2).filter((argument) => argument !== "--full");
const unknown = names.find((name) => !Object.hasOwn(CHECKS, name));

if (unknown !== undefined) {
  console.error(`no check ${unknown}; usage: npm run test:parity -- [--full] [${Object.keys(CHECKS).join(" | ")} ...]`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(Object.keys(CHECKS).filter((name) => names.length === 0 || names.includes(name)));
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    console.error(error.message);
    process.exitCode = 3;
  }
}

/** @returns {Promise<number>} the exit code */
async function run(chosen) {
  const environment = openEnvironment(console.log);
  mkdirSync(out, { recursive: true });
  const context = {
    environment,
    full,
    root,
    out,
    say: console.log,
    openBase: (base) => openBase({ root: environment.modelRoot, projectDir: ".", base, revision: null }),
  };
  const checks = [];
  for (const name of chosen) checks.push(await runCheck(name, context));

  const figures = checks.flatMap((check) => check.figures).filter(isLimited);
  const broken = checks.filter(({ error }) => error !== null).length;
  const passed = figures.filter(holds).length;
  const failed = figures.length - passed + broken;
  const summary = join(out, "summary.json");
  writeFileSync(summary, `${JSON.stringify({ version: 1, passed, failed, checks }, null, 2)}\n`);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** A check that breaks is a failure, and the others still run. */
async function runCheck(name, context) {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const figures = await CHECKS[name](context);
    console.log(`\n${name} (${seconds()} s)`);
    for (const figure of figures) console.log(formatFigure(figure));
    return {
      name,
      seconds: seconds(),
      figures: figures.map((figure) => ({ ...figure, ok: holds(figure) })),
      error: null,
    };
  } catch (error) {
    if (error instanceof MachineError) throw error;
    console.error(`\n${name} broke after ${seconds()} s`, error);
    return { name, seconds: seconds(), figures: [], error: String(error) };
  }
}
