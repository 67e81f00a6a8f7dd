/** Batch generation: 200 prompts, 64 greedy tokens each, sides in turn; ids compared with the peer's in float32. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MachineError } from "../../scripts/parity/environment.mjs";
import { openSides } from "../lib/side.mjs";
import { mklShim, nodeSide, peerSide } from "../lib/sides.mjs";
import { formatRatio, ratioOf } from "../lib/statistics.mjs";
import { Work } from "../lib/work.mjs";

export const title = "Batch generation";

const PROMPTS = 200;
const TOKENS = 64;
/** Sequences at once, on every side but where a peer is faster with more. */
const BATCH = 40;
/** A sequence's room in llama.cpp's cache: the longest prompt, and what is made. */
const CONTEXT_STEP = 256;

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, pairs, quick, cache, say }) {
  installPeer(say);
  const prompts = (await Work.open(environment.hf)).prompts(quick ? 8 * pairs : PROMPTS);
  const tokens = quick ? 8 : TOKENS;
  const batch = quick ? 8 : BATCH;
  const contextSize =
    Math.ceil((Math.max(...prompts.map(({ length }) => length)) + tokens) / CONTEXT_STEP) * CONTEXT_STEP;
  const ours = (name, compute) => () =>
    nodeSide({
      name,
      script: "gitune-generate-side.mjs",
      settings: { base: environment.hf, threads, batch, compute, cacheDir: join(cache, "weights") },
    });
  const transformers = (name, dtype) => () =>
    peerSide(environment, {
      name,
      script: "generate.py",
      settings: { base: environment.hf, threads, batch, dtype },
      env: mklShim(cache),
    });
  const llamaCpp = (quantization, gguf) => () =>
    nodeSide({
      name: `llama.cpp ${quantization}`,
      script: "llama-cpp-side.mjs",
      settings: { gguf, threads, batch, contextSize },
    });
  const sides = await openSides(
    [
      transformers("transformers float32", "float32"),
      transformers("transformers bfloat16", "bfloat16"),
      llamaCpp("Q4_1", environment.gguf),
      llamaCpp("Q8_0", eightBits(environment, cache)),
      ours("gitune f32", "f32"),
      ours("gitune int8", "int8"),
    ],
    say,
  );
  // Each round generates its own share of the prompts, and all rounds together all of them.
  const share = Math.ceil(prompts.length / pairs);
  const answers = new Map(sides.map(({ name }) => [name, []]));
  try {
    for (const side of sides) await side.ask("generate", { prompts: prompts.slice(0, batch), tokens: 4 });
    for (let round = 0; round < pairs; round++) {
      say(`generate: round ${round + 1} of ${pairs}`);
      const some = prompts.slice(round * share, (round + 1) * share);
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
        answers.get(side.name).push(await side.ask("generate", { prompts: some, tokens }));
      }
    }
  } finally {
    for (const side of sides) await side.close();
  }
  return report([...answers], prompts.length, tokens, batch, pairs);
}

function report(answers, promptCount, tokens, batch, pairs) {
  const results = answers.map(([name, list]) => ({
    name,
    seconds: list.map(({ seconds }) => seconds),
    ids: list.flatMap(({ ids }) => ids),
    peakBytes: list.at(-1).memory.peak,
  }));
  const find = (name) => results.find((result) => result.name === name);
  const reference = find("transformers float32");
  const peer = fastest(results, "transformers");
  const llamaCpp = fastest(results, "llama.cpp");
  const identical = ({ ids }) => ids.filter((row, i) => row.join() === reference.ids[i].join()).length;
  const ratios = (other) => (result) => (other ? formatRatio(ratioOf(other.seconds, result.seconds)) : "");
  const goal = (text, name, other, least) => {
    const ratio = find(name) && other ? ratioOf(other.seconds, find(name).seconds) : null;
    return {
      goal: `${text}: at least ${least}x`,
      measured: ratio ? formatRatio(ratio) : "not offered",
      met: ratio !== null && ratio.median >= least,
    };
  };
  return {
    results: results.map(({ ids, ...rest }) => ({ ...rest, identical: identical({ ids }) })),
    tables: [
      {
        caption: `${promptCount} prompts x ${tokens} tokens in ${pairs} rounds, ${batch} sequences at once, end tokens ignored`,
        columns: [
          "side",
          "tokens/s",
          "x transformers float32",
          `x ${peer.name}`,
          ...(llamaCpp ? [`x ${llamaCpp.name}`] : []),
          "ids as transformers float32",
          "peak MiB",
        ],
        rows: results.map((result) => [
          result.name,
          ((promptCount * tokens) / sum(result.seconds)).toFixed(0),
          ratios(reference)(result),
          ratios(peer)(result),
          ...(llamaCpp ? [ratios(llamaCpp)(result)] : []),
          `${identical(result)} of ${promptCount}`,
          (result.peakBytes / 2 ** 20).toFixed(0),
        ]),
      },
    ],
    goals: [
      goal("Generation, gitune f32, against transformers' generate (float32)", "gitune f32", reference, 3),
      goal("Generation, gitune's fastest, against transformers' fastest", fastest(results, "gitune")?.name, peer, 3),
      goal("Generation in 8 bits, against llama.cpp's fastest (8 bits or 4)", "gitune int8", llamaCpp, 1),
    ],
  };
}

const fastest = (results, program) =>
  results.filter(({ name }) => name.startsWith(program)).sort((a, b) => sum(a.seconds) - sum(b.seconds))[0];

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** The model's matrices in llama.cpp's 8-bit blocks: as many bits as our own copy has. @returns the file */
function eightBits({ python, gguf }, cache) {
  const file = join(cache, "smollm2-q8_0.gguf");
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const script = fileURLToPath(new URL("../peer/requantize.py", import.meta.url));
  const { status } = spawnSync(python, [script, gguf, `${file}.part`, "Q8_0"], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new MachineError("the model could not be written in Q8_0");
  renameSync(`${file}.part`, file);
  return file;
}

/** node-llama-cpp is no part of the workspace. Its install script would build; the prebuilt library is a package. */
function installPeer(say) {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  if (existsSync(new URL("../node_modules/node-llama-cpp/package.json", import.meta.url))) return;
  say("installing node-llama-cpp …");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new MachineError("node-llama-cpp could not be installed into bench/node_modules");
}
