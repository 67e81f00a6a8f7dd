/**
 * Adapters both ways: ours in PEFT, the oldest promised one too, and PEFT's in ours; merged and not; and what we cannot compute
 * is refused. Each by the logits of the real model.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { readPeftAdapter, writePeftAdapter } from "../../../packages/train/dist/adapter/peft.js";
import { createRandom } from "../../../packages/train/dist/data/random.js";
import { mergeAdapter } from "../../../packages/train/dist/index.js";
import { llamaLinears } from "../../../packages/train/dist/models/llama/tensors.js";
import { loraTuner } from "../../../packages/train/dist/tuners/lora/tuner.js";
import { compareLogits } from "../compare-logits.mjs";
import { runPeer } from "../peer.mjs";
import { realRows, spread, textOf } from "../rows.mjs";

const ROWS = 8;
const TOKENS = [16, 48];
/** As for the bare model: an adapter adds two small products a layer. */
const LIMIT = 1e-4;
const ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/** What PEFT may be asked for that we compute: rank, scale, rsLoRA, targets by name or all. */
const FROM_PEFT = {
  "q, v, r 8": { r: 8, lora_alpha: 16, target_modules: ["q_proj", "v_proj"] },
  "all linear, r 16, rsLoRA": { r: 16, lora_alpha: 8, use_rslora: true, target_modules: "all-linear" },
};

/** What we do not compute. Loaded without it, each would silently give other logits. */
const REFUSED = {
  rank_pattern: { r: 8, target_modules: ["q_proj", "v_proj"], rank_pattern: { v_proj: 4 } },
  alpha_pattern: { r: 8, target_modules: ["q_proj", "v_proj"], alpha_pattern: { v_proj: 32 } },
  use_dora: { r: 8, target_modules: ["q_proj"], use_dora: true },
  bias: { r: 8, target_modules: ["q_proj"], bias: "all" },
  lora_bias: { r: 8, target_modules: ["q_proj"], lora_bias: true },
  modules_to_save: { r: 8, target_modules: ["q_proj"], modules_to_save: ["norm"] },
  layers_to_transform: { r: 8, target_modules: ["q_proj"], layers_to_transform: [0, 1] },
};

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function interop(context) {
  const { environment } = context;
  const work = join(context.out, "interop");
  rmSync(work, { recursive: true, force: true });
  const base = await context.openBase(environment.hf);
  const model = join(environment.modelRoot, environment.hf);
  const encoded = (await realRows(context)).map((row) => base.tokenizer.encode(textOf(base.tokenizer, row)));
  const rows = spread(
    encoded.filter(({ length }) => length >= TOKENS[0] && length <= TOKENS[1]),
    ROWS,
  );
  const compare = (options) => compareLogits(environment, { base, rows, model, ...options });
  const figures = [];
  const limit = (what, { relative }) => figures.push({ what, value: relative, atMost: LIMIT });

  const ours = join(work, "ours");
  await writeAdapter(base, ours);
  limit("ours in PeftModel.from_pretrained", await compare({ adapter: ours, flags: ["--adapter", ours] }));
  limit("ours in the oldest PEFT (0.10)", await compare({ adapter: ours, flags: ["--adapter", ours], oldest: true }));
  limit("ours in AutoModelForCausalLM.from_pretrained(adapter)", await compare({ adapter: ours, model: ours }));

  const merged = join(work, "merged");
  const { error } = await mergeAdapter({ base, adapter: ours, out: merged });
  figures.push({ what: "ours, merged by us: error against unmerged", value: error, atMost: 1e-3 });
  limit("ours, merged by us, in transformers", await compare({ adapter: merged, model: merged }));
  limit(
    "ours, merged by us, against PEFT's merge",
    await compare({ adapter: merged, flags: ["--adapter", ours, "--merge"] }),
  );

  const all = Object.entries({ ...FROM_PEFT, ...REFUSED });
  const folderOf = (name) => join(work, "peft", name.replaceAll(/\W+/g, "-"));
  const job = all.map(([name, config], seed) => ({ folder: folderOf(name), config, seed }));
  await runPeer(environment, "adapters.py", [model], { input: [JSON.stringify(job)] });
  for (const name of Object.keys(FROM_PEFT)) {
    const adapter = folderOf(name);
    limit(`PEFT's (${name}) in ours`, await compare({ adapter, flags: ["--adapter", adapter] }));
  }
  for (const name of Object.keys(REFUSED)) {
    const isRefused = await refuses(folderOf(name), name);
    figures.push({ what: `PEFT's with ${name} is refused`, value: Number(isRefused), atLeast: 1 });
  }
  return figures;
}

/** An adapter as training leaves it, but random: every target, an odd rank, rsLoRA. */
async function writeAdapter(base, folder) {
  const technique = { type: "lora", r: 12, alpha: 16, dropout: 0.05, rslora: true, targets: "all-linear" };
  const random = createRandom(5);
  const values = (size) => Float32Array.from({ length: size }, () => 0.04 * (random.uint32() / 2 ** 31 - 1));
  const tensors = loraTuner(llamaLinears(base.config), technique).tensors.map(({ name, shape, size }) => ({
    name,
    shape,
    data: values(size),
  }));
  const { id: baseId, revision } = base;
  await writePeftAdapter(folder, { tensors, technique, baseId, revision, targets: ALL, taskType: "CAUSAL_LM" });
}

/** By an issue that names the key. */
async function refuses(folder, key) {
  try {
    await readPeftAdapter(folder);
    return false;
  } catch (error) {
    const [issue] = error.issues ?? [];
    return issue?.code === "adapter.unsupported" && issue.pointer === `/${key}`;
  }
}
