/** Training tokens/s: one optimizer step of each side in turn, the same rows from the same initial adapter. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vectorUnits } from "../lib/machine.mjs";
import { openSides } from "../lib/side.mjs";
import { mklShim, nodeSide, peerSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { formatRatio, maxRelative, median, ratioOf } from "../lib/statistics.mjs";
import { describeWork, tokensOf, Work } from "../lib/work.mjs";

export const title = "Training";

/** Steps before the clock counts: sessions, caches and allocators settle. */
const WARM_STEPS = 2;
/** Relative, of a step's loss: what float32 sums in another order may differ by. */
const SAME_LOSS = 1e-4;

const BFLOAT16 = /bf16/;
const EMULATED =
  "This processor has no instructions for bfloat16: PyTorch makes them of others, and what is said against its bfloat16 means little here.";

const WORKLOADS = [
  { name: "4 x 256", targets: "q,v", make: (work, steps) => work.full({ rows: 4, length: 256, steps }) },
  { name: "4 x 256", targets: "all linear", make: (work, steps) => work.full({ rows: 4, length: 256, steps }) },
  { name: "8 x 128", targets: "q,v", make: (work, steps) => work.full({ rows: 8, length: 128, steps }) },
  { name: "8 x 128", targets: "all linear", make: (work, steps) => work.full({ rows: 8, length: 128, steps }) },
  { name: "chat", targets: "q,v", make: (work, steps) => work.chat({ rows: 8, steps, grouped: false }) },
  { name: "chat, grouped", targets: "q,v", make: (work, steps) => work.chat({ rows: 8, steps, grouped: true }) },
];

/** What the peer's settings were chosen from, with figures: README.md. */
const PEERS = {
  "peer float32": { dtype: "float32", settings: {} },
  "peer float32, tuned": { dtype: "float32", settings: { flushDenormal: true, labelPositions: true }, shim: true },
  // Shapes that do not change alone: where they do, it compiles again and again, and each time takes a minute and more.
  "peer float32, compiled": {
    dtype: "float32",
    settings: { flushDenormal: true, labelPositions: true, compile: true },
    shim: true,
    ofEqualRows: true,
  },
  "peer bfloat16": { dtype: "bfloat16", settings: { weights: "bfloat16", autocast: true, flushDenormal: true } },
  "peer bfloat16, tuned": {
    dtype: "bfloat16",
    settings: { weights: "bfloat16", adapterFloat32: false, flushDenormal: true, labelPositions: true },
  },
};
const OURS = {
  "gitune f32": { compute: "f32", packing: true },
  "gitune f32, mmap": { compute: "f32", mmap: true, packing: true },
  "gitune int8": { compute: "int8", packing: true },
};

/** @param {import("../run.mjs").Context} context */
export async function run(context) {
  const { environment, quick, pairs, only, say } = context;
  const work = await Work.open(environment.hf);
  const asked = WORKLOADS.filter(({ name, targets }) => !only || new RegExp(only).test(`${name}, ${targets}`));
  const workloads = quick ? WORKLOADS.filter(({ name }) => name === "chat").slice(0, 1) : asked;
  const results = [];
  for (const workload of workloads) {
    say(`train: ${workload.name} tokens, LoRA on ${workload.targets}`);
    const steps = workload.make(work, WARM_STEPS + pairs);
    results.push({
      ...workload,
      make: undefined,
      work: describeWork(steps),
      sides: await compare(context, workload, steps),
    });
  }
  return {
    results,
    tables: [table(results)],
    goals: goals(results),
    notes: vectorUnits().some((unit) => BFLOAT16.test(unit)) ? [] : [EMULATED],
  };
}

async function compare({ environment, threads, layers, cache, say }, { name: workload, targets }, steps) {
  const isOfEqualRows = !workload.startsWith("chat");
  const recipe = {
    ...RECIPE,
    base: environment.hf,
    layers,
    threads,
    targets: TARGETS[targets],
    cacheDir: join(cache, "weights"),
  };
  const makers = [
    ...Object.entries(OURS).map(
      ([name, settings]) =>
        () =>
          nodeSide({ name, script: "gitune-side.mjs", settings: { ...recipe, ...settings } }),
    ),
    ...Object.entries(PEERS)
      .filter(([, { ofEqualRows }]) => isOfEqualRows || !ofEqualRows)
      .map(
        ([name, { settings, shim }]) =>
          () =>
            peerSide(environment, {
              name,
              script: "train.py",
              settings: { ...recipe, ...settings },
              env: shim ? mklShim(cache) : {},
            }),
      ),
  ];
  const sides = await openSides(makers, say);
  const adapter = mkdtempSync(join(tmpdir(), "gitune-bench-"));
  try {
    // Every side starts from the adapter that PEFT initialised.
    await sides.find(({ name }) => name === "peer float32").ask("save", { folder: adapter });
    for (const side of sides) await side.ask("load", { folder: adapter });
    const answers = new Map(sides.map(({ name }) => [name, []]));
    for (const [index, rows] of steps.entries()) {
      // There and back: what changes slowly meets both orders alike.
      for (const side of index % 2 === 0 ? sides : [...sides].reverse()) {
        answers.get(side.name).push(await side.ask("step", { rows }));
      }
      say(`  step ${index + 1} of ${steps.length}`);
    }
    const tokens = steps.slice(WARM_STEPS).map(tokensOf);
    return Object.fromEntries([...answers].map(([name, list]) => [name, summarize(list, tokens)]));
  } finally {
    for (const side of sides) await side.close();
    rmSync(adapter, { recursive: true });
  }
}

function summarize(answers, tokens) {
  const seconds = answers.slice(WARM_STEPS).map((answer) => answer.seconds);
  return {
    tokensPerSecond: median(tokens.map((count, i) => count / seconds[i])),
    seconds,
    losses: answers.map(({ loss }) => loss),
    peakBytes: answers.at(-1).memory.peak,
  };
}

const ofDtype = (sides, dtype) => Object.entries(sides).filter(([name]) => PEERS[name]?.dtype === dtype);
const fastest = (sides, dtype) =>
  ofDtype(sides, dtype).sort(([, a], [, b]) => b.tokensPerSecond - a.tokensPerSecond)[0];

function table(results) {
  const rows = results.flatMap(({ name, targets, work, sides }) => {
    const [, float32] = fastest(sides, "float32");
    const [, bfloat16] = fastest(sides, "bfloat16") ?? [];
    return Object.entries(sides).map(([side, measured]) => [
      `${name}, ${targets} (${Math.round(work.labelShare * 100)}% labels, ${Math.round(work.paddingShare * 100)}% padding)`,
      side,
      measured.tokensPerSecond.toFixed(0),
      formatRatio(ratioOf(float32.seconds, measured.seconds)),
      bfloat16 ? formatRatio(ratioOf(bfloat16.seconds, measured.seconds)) : "",
      maxRelative(measured.losses, sides["peer float32"].losses).toExponential(1),
    ]);
  });
  return {
    caption: "Tokens/s, padding not counted; times as fast as the peer's fastest float32 and bfloat16, step by step",
    columns: ["work", "side", "tokens/s", "x float32", "x bfloat16", "loss differs by (relative)"],
    rows,
  };
}

function goals(results) {
  const speed = (ours, dtype, goal) => {
    const ratios = results.flatMap(({ name, targets, sides }) => {
      const peer = fastest(sides, dtype);
      if (!sides[ours] || !peer) return [];
      const { median: ratio } = ratioOf(peer[1].seconds, sides[ours].seconds);
      return [{ ratio, text: `${name} ${targets} ${ratio.toFixed(2)}` }];
    });
    return {
      goal: `Training, ${ours}: at least ${goal}x of the peer's ${dtype}`,
      measured: ratios.map(({ text }) => text).join("; ") || "not offered",
      met: ratios.length > 0 && ratios.every(({ ratio }) => ratio >= goal),
    };
  };
  const worst = Math.max(
    ...results.map(({ sides }) => maxRelative(sides["gitune f32"].losses, sides["peer float32"].losses)),
  );
  return [
    speed("gitune f32", "float32", 1.5),
    speed("gitune int8", "bfloat16", 1.2),
    {
      goal: `The same losses in float32, within ${SAME_LOSS} relative at every step`,
      measured: worst.toExponential(1),
      met: worst <= SAME_LOSS,
    },
  ];
}
