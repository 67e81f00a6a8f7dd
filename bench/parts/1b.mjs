/** A model of a billion parameters on this machine: random weights of Llama-3.2-1B's shape, frozen in 8 or 4 bits. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LLAMA_1B, writeRandomModel } from "../lib/random-model.mjs";
import { nodeSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { median } from "../lib/statistics.mjs";
import { tokensOf, Work } from "../lib/work.mjs";

export const title = "A model of a billion parameters";

const STEPS = 3;
const GOAL_BYTES = 10e9;

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, quick, say }) {
  const folder = mkdtempSync(join(tmpdir(), "gitune-bench-1b-"));
  try {
    say("1b: writing random weights");
    const config = quick ? { ...LLAMA_1B, num_hidden_layers: 2 } : LLAMA_1B;
    const { parameters } = writeRandomModel(folder, config);
    // A tokenizer belongs to a base, any one: the model knows nothing.
    for (const name of ["tokenizer.json", "tokenizer_config.json"])
      copyFileSync(join(environment.hf, name), join(folder, name));
    const steps = (await Work.open(environment.hf)).full({ rows: 2, length: 256, steps: STEPS });
    const results = [];
    for (const compute of ["int8", "f32"]) {
      const side = nodeSide({
        name: `gitune ${compute}`,
        script: "gitune-side.mjs",
        settings: {
          ...RECIPE,
          base: folder,
          threads,
          targets: TARGETS["q,v"],
          compute,
          cacheDir: join(folder, "cache"),
        },
      });
      say(`1b: ${STEPS} steps, ${compute}`);
      try {
        await side.ready();
        const answers = [];
        for (const rows of steps) answers.push(await side.ask("step", { rows }));
        results.push({ compute, answers });
      } catch (error) {
        say(`left out: ${error.message}`);
      } finally {
        await side.close();
      }
    }
    return report(results, parameters, steps);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(results, parameters, steps) {
  const tokens = tokensOf(steps[0]);
  const rows = results.map(({ compute, answers }) => ({
    compute,
    tokensPerSecond: tokens / median(answers.slice(1).map(({ seconds }) => seconds)),
    firstStep: answers[0].sinceStart,
    ...answers.at(-1).memory,
    losses: answers.map(({ loss }) => loss),
  }));
  const quantized = rows.find(({ compute }) => compute !== "f32");
  return {
    results: rows,
    tables: [
      {
        caption: `${(parameters / 1e9).toFixed(2)} billion parameters (random, bfloat16 on disk), LoRA r 8 on q,v, ${STEPS} steps of ${tokens} tokens`,
        columns: [
          "frozen weights",
          "tokens/s",
          "seconds to the first step's end",
          "peak GB",
          "mapped from files, GB",
          "losses",
        ],
        rows: rows.map(({ compute, tokensPerSecond, firstStep, peak, file, losses }) => [
          compute,
          tokensPerSecond.toFixed(0),
          firstStep.toFixed(0),
          (peak / 1e9).toFixed(2),
          (file / 1e9).toFixed(2),
          losses.map((loss) => loss.toFixed(3)).join(", "),
        ]),
      },
    ],
    goals: [
      {
        goal: `1B parameters, 8-bit or 4-bit frozen weights: ${STEPS} steps below ${GOAL_BYTES / 1e9} GB resident`,
        measured: quantized
          ? `${(quantized.peak / 1e9).toFixed(2)} GB at ${quantized.tokensPerSecond.toFixed(0)} tokens/s`
          : "not offered",
        met: quantized !== undefined && quantized.peak < GOAL_BYTES,
      },
    ],
  };
}
