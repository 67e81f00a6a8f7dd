/**
 * A 2-layer model of every family (docs/models.md) with an adapter that gitune wrote: its logits, as PEFT has them. Longer
 * rows than the golden files have, so windows and stretched contexts are left far behind.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { writePeftAdapter } from "../../../packages/train/dist/adapter/peft.js";
import { readGolden } from "../../../packages/train/dist/testing/llama-golden.js";
import { compareLogits } from "../compare-logits.mjs";

const LENGTHS = [100, 64, 17, 1];
const VOCAB = 64;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function families({ environment, root, out }) {
  const folder = join(root, "packages", "train", "test", "golden", "families");
  const models = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const rows = LENGTHS.map((length, row) => Array.from({ length }, (_, t) => (t * t + 7 * t + 13 * row) % VOCAB));
  const figures = [];
  for (const { name } of models) {
    const { base: spec, technique, trained, start } = await readGolden(`${name}/lora-all`, "families");
    const adapter = join(out, "families", name);
    await writePeftAdapter(adapter, {
      technique,
      tensors: trained.map(({ name, shape, offset, size }) => ({
        name,
        shape,
        data: start.slice(offset, offset + size),
      })),
      baseId: name,
      revision: null,
      targets: technique.targets,
      taskType: "CAUSAL_LM",
    });
    const found = await compareLogits(environment, {
      base: { id: name, config: spec.config, spec },
      adapter,
      rows,
      model: join(folder, name),
      flags: ["--adapter", adapter],
    });
    figures.push({ what: `${name}: largest relative error of a logit`, value: found.relative, atMost: 1e-5 });
  }
  return [{ what: "models", value: models.length, atLeast: 9 }, ...figures];
}
