/**
 * `npm run bench`: gitune beside its peers, in turn, on the same work, in one run.
 *
 *   npm run bench                          everything (around an hour on 2 cores)
 *   npm run bench -- train generate        some parts
 *   npm run bench -- --quick train         a smoke: the smallest work, few pairs; figures mean nothing
 *   npm run bench -- train --only "^chat"  the workloads of `train` whose name this fits
 *   --pairs 9 · --threads 2 · --out bench
 *
 * Writes results.json, results.md and plots into --out; a part that is run again replaces this machine's older result.
 * Linux only: it reads /proc. Exit code 3 when the machine lacks something.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MachineError, openEnvironment } from "../scripts/parity/environment.mjs";
import { describeMachine, nameOf } from "./lib/machine.mjs";
import { renderReport } from "./lib/report.mjs";

/** In the order of the report. */
const PARTS = ["gemm", "train", "int8", "memory", "generate", "start", "scaling", "1b", "cli"];

const SMOKE_LAYERS = 2;

/**
 * What every part gets.
 * @typedef {object} Context
 * @property {{ python: string, hf: string, gguf: string }} environment the peer's interpreter; the model as a folder and as it came
 * @property {number} pairs measured rounds
 * @property {number} threads of every side
 * @property {boolean} quick
 * @property {string} [only] a regular expression for the names of `train`'s workloads
 * @property {number} [layers] the model's first so many only, for a smoke
 * @property {string} cache folder for what is worth keeping
 * @property {(line: string) => void} say
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    pairs: { type: "string" },
    threads: { type: "string", default: "2" },
    only: { type: "string" },
    out: { type: "string", default: fileURLToPath(new URL(".", import.meta.url)) },
  },
});
const unknown = positionals.filter((name) => !PARTS.includes(name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(", ")}; there are ${PARTS.join(", ")}`);
  process.exit(2);
}

try {
  await bench(positionals.length > 0 ? PARTS.filter((name) => positionals.includes(name)) : PARTS);
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  console.error(error.message);
  process.exitCode = 3;
}

async function bench(parts) {
  const say = (line) => console.error(line);
  const { python, modelRoot, hf, gguf } = openEnvironment(say);
  const context = {
    environment: { python, hf: join(modelRoot, hf), gguf: join(modelRoot, gguf) },
    pairs: Number(values.pairs ?? (values.quick ? 2 : 5)),
    threads: Number(values.threads),
    quick: values.quick,
    ...(values.only ? { only: values.only } : {}),
    ...(values.quick ? { layers: SMOKE_LAYERS } : {}),
    cache: join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "gitune", "bench"),
    say,
  };
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const file = join(out, "results.json");
  // By machine: ratios are of one processor, and another's do not make them old.
  const results = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  for (const name of parts) {
    const { title, run } = await import(`./parts/${name}.mjs`);
    const started = Date.now();
    const result = await run(context);
    const machine = describeMachine(python, context.threads);
    const own = results[nameOf(machine)] ?? {};
    results[nameOf(machine)] = own;
    const slug = machine.cpu.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const plots = (result.plots ?? []).map(({ file: plot, ...rest }) => ({ file: `${slug}-${plot}`, ...rest }));
    own[name] = {
      title,
      date: new Date(started).toISOString().slice(0, 16).replace("T", " "),
      minutes: (Date.now() - started) / 60_000,
      pairs: context.pairs,
      quick: context.quick,
      machine,
      ...result,
      plots: plots.map(({ file: plot, caption }) => ({ file: plot, caption })),
    };
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
    for (const { file: plot, svg } of plots) writeFileSync(join(out, plot), svg);
    writeFileSync(join(out, "results.md"), renderReport(results, PARTS));
    say(`${name}: done, see ${join(out, "results.md")}`);
  }
}
