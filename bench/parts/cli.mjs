/** What the command itself costs before it does anything. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatRatio, median, ratioOf } from "../lib/statistics.mjs";

export const title = "The command's start";

const ROUNDS = 20;
const cli = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const COMMANDS = {
  "node -e 0": ["-e", "0"],
  "gitune --version": [cli, "--version"],
  "gitune --help": [cli, "--help"],
};

/** @param {import("../run.mjs").Context} context */
export async function run({ quick, say }) {
  say("cli: starts in turn");
  const seconds = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, []]));
  for (let round = 0; round <= (quick ? 3 : ROUNDS); round++) {
    for (const [name, args] of Object.entries(COMMANDS)) {
      const started = performance.now();
      const { status } = spawnSync(process.execPath, args);
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
      if (round > 0) seconds[name].push((performance.now() - started) / 1000);
    }
  }
  return {
    seconds,
    tables: [
      {
        caption: "Whole processes",
        columns: ["command", "milliseconds (median)", "of node's own start"],
        rows: Object.entries(seconds).map(([name, list]) => [
          name,
          (median(list) * 1000).toFixed(0),
          formatRatio(ratioOf(list, seconds["node -e 0"])),
        ]),
      },
    ],
  };
}
