import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError, type LoraTechnique } from "@gitune/core";
import { readSafetensorsHeader, writeSafetensors } from "../weights/safetensors.js";
import { adapterSha256, type PeftAdapterFacts, readPeftAdapter, writePeftAdapter } from "./peft.js";

const technique: LoraTechnique = {
  type: "lora",
  r: 2,
  alpha: 16,
  dropout: 0,
  targets: ["v_proj", "q_proj"],
  rslora: false,
};
const layer = "model.layers.0.self_attn";
const tensors = ["q_proj", "v_proj"].flatMap((module, index) => [
  { name: `${layer}.${module}.lora_A.weight`, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6 + index) },
  { name: `${layer}.${module}.lora_B.weight`, shape: [4, 2], data: new Float32Array(8).fill(index) },
]);
const facts: PeftAdapterFacts = {
  technique,
  tensors,
  baseId: "acme/base",
  revision: "a".repeat(40),
  targets: ["v_proj", "q_proj"],
  taskType: "CAUSAL_LM",
};

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GituneError, String(error));
  assert.equal(error.issues[0]?.code, code);
  assert.match(error.message, text);
  return true;
};

/** What PEFT 0.17's save_pretrained writes for a LoraConfig(r=2, lora_alpha=16, target_modules=[...]). */
const WRITTEN_BY_PEFT = {
  alpha_pattern: {},
  auto_mapping: null,
  base_model_name_or_path: "acme/base",
  bias: "none",
  corda_config: null,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 16,
  lora_bias: false,
  lora_dropout: 0.0,
  megatron_config: null,
  megatron_core: "megatron.core",
  modules_to_save: null,
  peft_type: "LORA",
  qalora_group_size: 16,
  r: 2,
  rank_pattern: {},
  revision: null,
  target_modules: ["v_proj", "q_proj"],
  target_parameters: null,
  task_type: "CAUSAL_LM",
  trainable_token_indices: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
};

describe("peft adapter", () => {
  let root = "";
  let count = 0;
  const folder = (): string => join(root, String(count++));
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "gitune-adapter-"));
  });
  after(() => rm(root, { recursive: true, force: true }));

  it("writes PEFT's names, shapes and a minimal config, the same bytes each time", async () => {
    const [first, second] = [folder(), folder()];
    await writePeftAdapter(first, facts);
    await writePeftAdapter(second, { ...facts, tensors: [...tensors].reverse(), targets: ["q_proj", "v_proj"] });
    assert.deepEqual((await readdir(first)).sort(), ["README.md", "adapter_config.json", "adapter_model.safetensors"]);
    for (const name of await readdir(first)) {
      assert.deepEqual(await readFile(join(first, name)), await readFile(join(second, name)), name);
    }
    assert.deepEqual(JSON.parse(await readFile(join(first, "adapter_config.json"), "utf8")), {
      base_model_name_or_path: "acme/base",
      lora_alpha: 16,
      peft_type: "LORA",
      r: 2,
      revision: "a".repeat(40),
      target_modules: ["q_proj", "v_proj"],
      task_type: "CAUSAL_LM",
    });
    const header = await readSafetensorsHeader(join(first, "adapter_model.safetensors"));
    assert.deepEqual(header.metadata, { format: "pt" });
    assert.deepEqual(header.tensors.get(`base_model.model.${layer}.q_proj.lora_B.weight`)?.shape, [4, 2]);
    const bytes = await readFile(join(first, "adapter_model.safetensors"));
    assert.equal(await adapterSha256(first), createHash("sha256").update(bytes).digest("hex"));
  });

  it("leaves out keys that equal PEFT's default, but for those that vLLM asks for, and a local base out of the card's front matter", async () => {
    const at = folder();
    const small = tensors.map((tensor) => ({ ...tensor, shape: tensor.shape.map((dim) => (dim === 2 ? 8 : dim)) }));
    const grown = small.map((tensor) => ({
      ...tensor,
      data: new Float32Array(tensor.shape.reduce((a, b) => a * b, 1)),
    }));
    const local = { ...technique, r: 8, alpha: 8 };
    await writePeftAdapter(at, { ...facts, technique: local, tensors: grown, baseId: "models/tiny", revision: null });
    assert.deepEqual(Object.keys(JSON.parse(await readFile(join(at, "adapter_config.json"), "utf8")) as object), [
      "base_model_name_or_path",
      "lora_alpha",
      "peft_type",
      "r",
      "target_modules",
      "task_type",
    ]);
    const card = await readFile(join(at, "README.md"), "utf8");
    assert.doesNotMatch(card, /base_model:/);
    assert.match(card, /\| Base \| `models\/tiny` \|/);
    await assert.rejects(
      writePeftAdapter(folder(), { ...facts, baseId: "/home/me/base" }),
      failsWith("adapter.base-path", /absolute/),
    );
  });

  it("reads back what it wrote", async () => {
    const at = folder();
    await writePeftAdapter(at, facts);
    const adapter = await readPeftAdapter(at);
    assert.deepEqual(adapter.technique, { ...technique, targets: ["q_proj", "v_proj"] });
    assert.equal(adapter.baseId, "acme/base");
    assert.equal(adapter.revision, "a".repeat(40));
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    assert.deepEqual([...adapter.tensors].sort(byName), [...tensors].sort(byName));
  });

  const writeForeign = async (config: object, names: (name: string) => string = (name) => name): Promise<string> => {
    const at = folder();
    await writePeftAdapter(at, facts);
    await writeFile(join(at, "adapter_config.json"), JSON.stringify(config));
    const renamed = tensors.map((tensor) => ({ ...tensor, name: names(`base_model.model.${tensor.name}`) }));
    await writeSafetensors(join(at, "adapter_model.safetensors"), renamed, { format: "pt" });
    return at;
  };

  it("reads what PEFT writes", async () => {
    const adapter = await readPeftAdapter(await writeForeign(WRITTEN_BY_PEFT));
    assert.equal(adapter.technique.r, 2);
    assert.equal(adapter.technique.alpha, 16);
    const named = await writeForeign(WRITTEN_BY_PEFT, (name) => name.replace(".weight", ".default.weight"));
    assert.deepEqual(
      (await readPeftAdapter(named)).tensors.map(({ name }) => name),
      adapter.tensors.map(({ name }) => name),
    );
  });

  it("reads an adapter that PEFT saved, and writes the same tensors back", async () => {
    const golden = fileURLToPath(new URL("../../test/golden/peft", import.meta.url));
    const adapter = await readPeftAdapter(join(golden, "adapter"));
    assert.deepEqual(adapter.technique, {
      type: "lora",
      r: 2,
      alpha: 16,
      dropout: 0.1,
      rslora: true,
      targets: ["q_proj", "v_proj"],
    });
    assert.equal(adapter.baseId, "llama/tied");
    const expected = JSON.parse(await readFile(join(golden, "expected.json"), "utf8")) as Record<string, number[]>;
    assert.equal(adapter.tensors.length, Object.keys(expected).length);
    for (const { name, data } of adapter.tensors) {
      const written = `base_model.model.${name.replace(".weight", ".default.weight")}`;
      assert.deepEqual([...data.subarray(0, 3)], expected[written], name);
    }
    const at = folder();
    await writePeftAdapter(at, {
      technique: adapter.technique,
      tensors: adapter.tensors,
      baseId: "llama/tied",
      revision: null,
      targets: ["q_proj", "v_proj"],
      taskType: "CAUSAL_LM",
    });
    assert.equal(await adapterSha256(at), await adapterSha256(join(golden, "adapter")));
  });

  const refused: [string, unknown][] = [
    ["use_dora", true],
    ["lora_bias", true],
    ["rank_pattern", { q_proj: 4 }],
    ["alpha_pattern", { q_proj: 4 }],
    ["modules_to_save", ["lm_head"]],
    ["layers_to_transform", [0]],
    ["bias", "all"],
    ["init_lora_weights", "pissa"],
    ["peft_type", "IA3"],
    ["a_key_of_tomorrow", 0.5],
  ];
  for (const [key, value] of refused) {
    it(`refuses ${key}: ${JSON.stringify(value)}`, async () => {
      const at = await writeForeign({ ...WRITTEN_BY_PEFT, [key]: value });
      await assert.rejects(readPeftAdapter(at), failsWith("adapter.unsupported", new RegExp(key)));
    });
  }

  it("refuses tensors it does not know, of another rank, or without their pair", async () => {
    const magnitude = await writeForeign(WRITTEN_BY_PEFT, (name) =>
      name.replace("v_proj.lora_A", "v_proj.lora_magnitude"),
    );
    await assert.rejects(readPeftAdapter(magnitude), failsWith("adapter.tensors", /lora_magnitude/));
    await assert.rejects(
      readPeftAdapter(await writeForeign({ ...WRITTEN_BY_PEFT, r: 4 })),
      failsWith("adapter.tensors", /\[4, in\]/),
    );
    const alone = await writeForeign(WRITTEN_BY_PEFT, (name) => name.replace("v_proj.lora_A", "k_proj.lora_A"));
    await assert.rejects(readPeftAdapter(alone), failsWith("adapter.tensors", /without/));
  });

  it("says what a folder lacks", async () => {
    await assert.rejects(readPeftAdapter(join(root, "nowhere")), failsWith("adapter.missing", /adapter_config.json/));
    const at = await writeForeign(WRITTEN_BY_PEFT);
    await rm(join(at, "adapter_model.safetensors"));
    await assert.rejects(readPeftAdapter(at), failsWith("adapter.missing", /adapter_model.safetensors/));
    await assert.rejects(adapterSha256(at), failsWith("adapter.missing", /adapter_model.safetensors/));
    await writeFile(join(at, "adapter_config.json"), "{");
    await assert.rejects(readPeftAdapter(at), failsWith("adapter.config", /not JSON/));
  });
});
