/** From the start of a process to the end of its first training step: whole processes in turn. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeSide, peerSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { formatRatio, median, ratioOf } from "../lib/statistics.mjs";
import { Work } from "../lib/work.mjs";

export const title = "Time to the first step";

const GOAL = 0.5;

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, layers, pairs, cache, say }) {
  const [rows] = (await Work.open(environment.hf)).full({ rows: 4, length: 256, steps: 1 });
  const recipe = { ...RECIPE, layers, threads, targets: TARGETS["q,v"] };
  const ours = (settings) =>
    nodeSide({ name: "gitune", script: "gitune-side.mjs", settings: { ...recipe, ...settings } });
  const emptyCaches = [];
  const makers = {
    peer: () =>
      peerSide(environment, { name: "peer", script: "train.py", settings: { ...recipe, base: environment.hf } }),
    "gitune, Hugging Face folder": () => ours({ base: environment.hf }),
    "gitune, mmap": () => ours({ base: environment.hf, mmap: true }),
    "gitune, int8": () => ours({ base: environment.hf, compute: "int8", cacheDir: join(cache, "weights") }),
    "gitune, GGUF file": () => ours({ base: environment.gguf, cacheDir: join(cache, "weights") }),
    "gitune, GGUF file, never unpacked before": () => {
      const cacheDir = mkdtempSync(join(tmpdir(), "gitune-bench-"));
      emptyCaches.push(cacheDir);
      return ours({ base: environment.gguf, cacheDir });
    },
  };
  const seconds = Object.fromEntries(Object.keys(makers).map((name) => [name, []]));
  // The first round brings files into the page cache and is not counted.
  for (let round = 0; round <= pairs; round++) {
    for (const [name, make] of Object.entries(makers)) {
      if (!seconds[name]) continue;
      say(`start: ${name}, round ${round} of ${pairs}`);
      const side = make();
      try {
        await side.ready();
        const { sinceStart } = await side.ask("step", { rows });
        if (round > 0) seconds[name].push(sinceStart);
      } catch (error) {
        say(`left out: ${error.message}`);
        delete seconds[name];
      } finally {
        await side.close();
        for (const folder of emptyCaches.splice(0)) rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  const shares = Object.keys(seconds)
    .filter((name) => name !== "peer")
    .map((name) => ({ name, ...ratioOf(seconds[name], seconds.peer) }));
  return {
    seconds,
    tables: [
      {
        caption:
          "Process start to the end of the first step (4 x 256 tokens, LoRA on q,v), imports and loading included",
        columns: ["side", "seconds (median)", "of the peer's"],
        rows: Object.entries(seconds).map(([name, list]) => [
          name,
          median(list).toFixed(1),
          name === "peer" ? "1" : formatRatio(shares.find((share) => share.name === name)),
        ]),
      },
    ],
    goals: [
      {
        goal: `Time to the first step: at most ${GOAL}x of the peer's`,
        measured: shares.map((share) => `${share.name} ${share.median.toFixed(2)}`).join("; "),
        met: shares.every((share) => share.median <= GOAL),
      },
    ],
  };
}
