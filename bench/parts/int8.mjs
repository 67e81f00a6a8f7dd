/**
 * Is `compute: int8` harmless? The same adapters trained in f32 and in int8, seed by seed, on real rows; both are then
 * judged in f32: the loss of validation rows, and ROUGE-L of generated answers. Equivalent means that the whole 90%
 * interval of the difference lies inside a margin stated beforehand (two one-sided tests at 5%, Schuirmann 1987).
 */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createGenerator,
  discoverProjects,
  openBase,
  readRows,
  score,
  trainAdapter,
  validationLoss,
} from "../lib/gitune-api.mjs";

export const title = "int8 against f32, judged in f32";

const PROJECT = "package-synopsis";
const SEEDS = [1, 2, 3, 4, 5];
/** Nats a label: a twentieth of what these steps gain, and what another seed may change too. */
const LOSS_MARGIN = 0.02;
/** ROUGE-L, absolute. */
const ROUGE_MARGIN = 0.02;
/** Student's t, 95% one-sided, four degrees of freedom. */
const T_95 = 2.132;

const RECIPE = {
  maxSteps: 30,
  batchSize: 8,
  microBatchSize: 8,
  packing: true,
  maxLength: 512,
  learningRate: 5e-4,
  evalSteps: 0,
  technique: { type: "lora", r: 8, alpha: 16, dropout: 0, targets: "all-linear", rslora: false },
};

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, quick, say }) {
  const root = mkdtempSync(join(tmpdir(), "gitune-bench-int8-"));
  try {
    const project = await makeProject(root, environment.gguf);
    const base = await openBase({ root, projectDir: project.dir, base: project.config.train.base, revision: null });
    const measure = (adapter) => judge({ root, project, base, adapter, threads, quick });
    const bare = await measure(null);
    say(`int8: bare base, loss ${bare.loss.toFixed(4)}, ROUGE-L ${bare.rougeL.toFixed(4)}`);
    const runs = [];
    for (const seed of quick ? SEEDS.slice(0, 2) : SEEDS) {
      const pair = {};
      for (const compute of ["f32", "int8"]) {
        const out = join(root, `${compute}-${seed}`);
        const train = { ...project.config.train, ...RECIPE, compute, seed, ...(quick ? { maxSteps: 2 } : {}) };
        const trained = await trainAdapter({
          project: { ...project, config: { ...project.config, train } },
          base,
          rows: readRows(project, "train"),
          out,
          threads,
        });
        pair[compute] = { ...(await measure(out)), trainLosses: trained.losses };
        say(
          `int8: seed ${seed}, ${compute}: loss ${pair[compute].loss.toFixed(4)}, ROUGE-L ${pair[compute].rougeL.toFixed(4)}`,
        );
      }
      runs.push({ seed, ...pair });
    }
    return report(bare, runs);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The repository's project on the real model, in a folder of its own. */
async function makeProject(root, gguf) {
  mkdirSync(join(root, "models"));
  mkdirSync(join(root, ".git"));
  copyFileSync(gguf, join(root, "models", "smollm2.gguf"));
  const from = new URL(`../../datasets/${PROJECT}/`, import.meta.url);
  const to = join(root, "datasets", PROJECT);
  cpSync(from, to, { recursive: true });
  const config = readFileSync(join(to, "gitune.yaml"), "utf8");
  writeFileSync(join(to, "gitune.yaml"), config.replace(/base: .*/, "base: models/smollm2.gguf"));
  const { projects } = await discoverProjects(root, []);
  return projects[0];
}

async function judge({ root, project, base, adapter, threads, quick }) {
  const loss = await validationLoss({ root, project, base, adapter, threads, rows: quick ? 8 : 100, recipe: RECIPE });
  const file = join(root, project.dir, project.config.evals[0].data);
  const rows = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .slice(0, quick ? 4 : 64)
    .map((line) => JSON.parse(line));
  const generator = await createGenerator({ base, adapter, threads });
  try {
    const prompts = rows.map(({ messages }) => ({ kind: "messages", messages }));
    const answers = await generator.generate(prompts, { maxNewTokens: 24, temperature: 0 });
    return {
      loss,
      rougeL: score(
        "rougeL",
        answers.map(({ text }, i) => ({ prediction: text, references: rows[i].references })),
      ),
    };
  } finally {
    await generator.close();
  }
}

/** The mean of paired differences with its 90% interval. */
function difference(runs, key) {
  const values = runs.map(({ int8, f32 }) => int8[key] - f32[key]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const half = T_95 * Math.sqrt(variance / values.length);
  return { mean, low: mean - half, high: mean + half };
}

function report(bare, runs) {
  const loss = difference(runs, "loss");
  const rouge = difference(runs, "rougeL");
  const show = ({ mean, low, high }) => `${signed(mean)} (${signed(low)} to ${signed(high)})`;
  const within = ({ low, high }, margin) => low > -margin && high < margin;
  return {
    results: { bare, runs, loss, rouge },
    tables: [
      {
        caption: `SmolLM2-135M, LoRA r 8 on all linear layers, ${RECIPE.maxSteps} steps of ${RECIPE.batchSize} rows of ${PROJECT}; bare base: loss ${bare.loss.toFixed(4)}, ROUGE-L ${bare.rougeL.toFixed(4)}`,
        columns: ["seed", "loss f32", "loss int8", "ROUGE-L f32", "ROUGE-L int8"],
        rows: runs.map(({ seed, f32, int8 }) => [
          String(seed),
          f32.loss.toFixed(4),
          int8.loss.toFixed(4),
          f32.rougeL.toFixed(4),
          int8.rougeL.toFixed(4),
        ]),
      },
    ],
    goals: [
      {
        goal: `int8 is harmless: validation loss within ±${LOSS_MARGIN} nats of f32's, 90% interval, ${runs.length} seeds`,
        measured: show(loss),
        met: within(loss, LOSS_MARGIN),
      },
      {
        goal: `int8 is harmless: ROUGE-L within ±${ROUGE_MARGIN} of f32's, 90% interval, ${runs.length} seeds`,
        measured: show(rouge),
        met: within(rouge, ROUGE_MARGIN),
      },
    ],
  };
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
