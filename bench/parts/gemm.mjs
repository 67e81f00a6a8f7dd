/** The machine's rate of matrix products, by several libraries, and what share of it a whole training step reaches. */
import { trainingFlops } from "../lib/flops.mjs";
import { modelSizes } from "../lib/gitune-api.mjs";
import { mklShim, nodeSide, peerSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { median } from "../lib/statistics.mjs";
import { Work } from "../lib/work.mjs";

export const title = "Share of the machine's GEMM rate";

const SECONDS = 1.5;
const KINDS = ["numpy f32", "torch f32", "torch bf16"];
/** Products of 1,024 tokens with the model's linear layers. */
const TOKENS = 1024;

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, layers, pairs, quick, cache, say }) {
  const model = await modelSizes({ base: environment.hf, layers });
  const { hiddenSize: h, intermediateSize: f } = model;
  const shapes = [
    [TOKENS, h, f],
    [TOKENS, f, h],
  ];
  const targets = TARGETS["q,v"];
  const [rows, ...more] = (await Work.open(environment.hf)).full({ rows: 4, length: 256, steps: 1 + pairs });
  const flops = trainingFlops(model, { r: RECIPE.r, targets }, rows);
  say("gemm: rates beside whole steps");
  const settings = { ...RECIPE, base: environment.hf, layers, threads, targets };
  const step = nodeSide({ name: "step", script: "gitune-side.mjs", settings });
  const onnx = nodeSide({ name: "onnxruntime", script: "gemm-side.mjs", settings: { threads, shapes } });
  const python = peerSide(environment, {
    name: "python",
    script: "gemm.py",
    settings: { threads },
    env: mklShim(cache),
  });
  const sides = [step, onnx, python];
  const rates = Object.fromEntries([...KINDS, "onnxruntime f32", "gitune step"].map((kind) => [kind, []]));
  const seconds = quick ? 0.3 : SECONDS;
  try {
    for (const side of sides) await side.ready();
    await step.ask("step", { rows });
    for (const next of more) {
      for (const kind of KINDS) rates[kind].push((await python.ask("rate", { kind, shapes, seconds })).gflops);
      rates["onnxruntime f32"].push((await onnx.ask("rate", { seconds })).gflops);
      rates["gitune step"].push(flops.total / (await step.ask("step", { rows: next })).seconds / 1e9);
    }
  } finally {
    for (const side of sides) await side.close();
  }
  const best = rates["numpy f32"].map((_, i) =>
    Math.max(...["numpy f32", "torch f32", "onnxruntime f32"].map((kind) => rates[kind][i])),
  );
  const share = median(rates["gitune step"].map((rate, i) => rate / best[i]));
  return {
    rates,
    flops,
    tables: [
      {
        caption: `GFLOP/s, medians; products [${TOKENS}, ${h}] x [${h}, ${f}] and back, whole step 4 x 256 with LoRA on q,v`,
        columns: ["what", "GFLOP/s", "smallest", "largest"],
        rows: Object.entries(rates).map(([kind, list]) => [
          kind,
          ...[median(list), Math.min(...list), Math.max(...list)].map((rate) => rate.toFixed(0)),
        ]),
      },
      {
        caption: "Operations that the maths of one step needs (`lib/flops.mjs`), in GFLOP",
        columns: Object.keys(flops),
        rows: [Object.values(flops).map((count) => (count / 1e9).toFixed(1))],
      },
    ],
    goals: [
      {
        goal: "A float32 training step at 85% or more of the machine's GEMM rate (the fastest library's, float32)",
        measured: `${(share * 100).toFixed(0)}%`,
        met: share >= 0.85,
      },
    ],
  };
}
