/** Peak resident memory of whole processes: loading and the same training steps. */
import { join } from "node:path";
import { mklShim, nodeSide, peerSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { Work } from "../lib/work.mjs";

export const title = "Memory";

const STEPS = 3;
const GOAL = 0.4;

const OURS = {
  "gitune f32": { compute: "f32" },
  "gitune f32, mmap": { compute: "f32", mmap: true },
  "gitune int8": { compute: "int8" },
};

const WORKLOADS = [
  { name: "4 x 256", targets: "q,v", make: (work) => work.full({ rows: 4, length: 256, steps: STEPS }) },
  { name: "4 x 256", targets: "all linear", make: (work) => work.full({ rows: 4, length: 256, steps: STEPS }) },
  { name: "chat", targets: "q,v", make: (work) => work.chat({ rows: 8, steps: STEPS, grouped: false }) },
];

/** @param {import("../run.mjs").Context} context */
export async function run(context) {
  const { environment, threads, layers, quick, cache, say } = context;
  const work = await Work.open(environment.hf);
  const results = [];
  for (const { name, targets, make } of quick ? WORKLOADS.slice(0, 1) : WORKLOADS) {
    const recipe = { ...RECIPE, base: environment.hf, layers, threads, targets: TARGETS[targets] };
    const ours = (name, settings) => () =>
      nodeSide({
        name,
        script: "gitune-side.mjs",
        settings: { ...recipe, ...settings, packing: true, cacheDir: join(cache, "weights") },
      });
    const peer = (label, settings) => () =>
      peerSide(environment, {
        name: label,
        script: "train.py",
        settings: { ...recipe, ...settings },
        env: mklShim(cache),
      });
    const makers = [
      ...Object.entries(OURS).map(([name, settings]) => ours(name, settings)),
      peer("peer float32", {}),
      peer("peer float32, head at labels", { labelPositions: true }),
      ...(name === "chat" ? [] : [peer("peer float32, compiled", { labelPositions: true, compile: true })]),
      peer("peer bfloat16, head at labels", { weights: "bfloat16", adapterFloat32: false, labelPositions: true }),
    ];
    for (const open of makers) {
      const measured = await measure(open(), make(work), say);
      if (measured) results.push({ work: `${name}, ${targets}`, ...measured });
    }
  }
  return { results, tables: [table(results)], goals: Object.keys(OURS).map((name) => goal(results, name)) };
}

/** One process at a time: nobody else's pages count, and none is pushed out by another's. */
async function measure(side, steps, say) {
  say(`memory: ${side.name}`);
  try {
    await side.ready();
    let memory;
    for (const rows of steps) ({ memory } = await side.ask("step", { rows }));
    return { side: side.name, ...memory };
  } catch (error) {
    say(`left out: ${error.message}`);
    return null;
  } finally {
    await side.close();
  }
}

const peerOf = (results, work) =>
  results
    .filter((result) => result.work === work && result.side.startsWith("peer float32"))
    .sort((a, b) => a.peak - b.peak)[0];

const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);

function table(results) {
  return {
    caption: `MiB after ${STEPS} steps; the peak is the kernel's VmHWM, pages of mapped files included`,
    columns: ["work", "side", "peak", "then in memory of its own", "then mapped from files", "of the peer's float32"],
    rows: results.map(({ work, side, peak, anonymous, file }) => [
      work,
      side,
      mib(peak),
      mib(anonymous),
      mib(file),
      `${(peak / peerOf(results, work).peak).toFixed(2)}x`,
    ]),
  };
}

function goal(results, name) {
  const shares = results
    .filter(({ side }) => side === name)
    .map(({ work, peak }) => ({ work, share: peak / peerOf(results, work).peak }));
  return {
    goal: `Peak resident memory, ${name}: at most ${GOAL}x of the peer's float32 (its leanest setting)`,
    measured: shares.map(({ work, share }) => `${work} ${share.toFixed(2)}`).join("; ") || "not offered",
    met: shares.length > 0 && shares.every(({ share }) => share <= GOAL),
  };
}
