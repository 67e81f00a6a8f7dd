import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GituneError, type IssueCode } from "@gitune/core";
import { ggufBytes, type RawTensor, type RawValue } from "../../testing/gguf-bytes.js";
import { ggufConfig } from "./gguf-config.js";
import { readGguf } from "./read-gguf.js";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitune-gguf-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A model of two heads of 8, without layers; keys are below the architecture's name where they start with a dot. */
async function configOf(
  changes: Readonly<Record<string, RawValue | undefined>>,
  { architecture = "llama", tensors = [] as readonly RawTensor[] } = {},
) {
  const keys: Record<string, RawValue | undefined> = {
    "general.architecture": { text: architecture },
    ".context_length": { u32: 256 },
    ".embedding_length": { u32: 16 },
    ".block_count": { u32: 1 },
    ".feed_forward_length": { u32: 32 },
    ".attention.head_count": { u32: 2 },
    ".attention.layer_norm_rms_epsilon": { f32: 1e-5 },
    ...changes,
  };
  const path = join(folder, "x.gguf");
  const written = Object.entries(keys).flatMap(([key, value]): [string, RawValue][] =>
    value === undefined ? [] : [[key.startsWith(".") ? architecture + key : key, value]],
  );
  await writeFile(
    path,
    ggufBytes({ keys: written, tensors: [{ name: "token_embd.weight", dims: [16, 10] }, ...tensors] }),
  );
  return ggufConfig(readGguf(path, "x.gguf"));
}

/** What llama.cpp's converter writes for Llama 3's scaling, in f32 as it does. */
function ropeFreqs(headDim: number, theta: number, factor: number, context: number): RawTensor {
  const divisors = Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headDim);
    if (wavelength < context / 4) return 1;
    if (wavelength > context) return factor;
    const smooth = (context / wavelength - 1) / 3;
    return 1 / ((1 - smooth) / factor + smooth);
  });
  return { name: "rope_freqs.weight", dims: [headDim / 2], data: new Uint8Array(divisors.buffer) };
}

describe("ggufConfig", () => {
  it("writes what config.json would say", async () => {
    assert.deepEqual(
      await configOf({ ".rope.freq_base": { f32: 500_000 }, "tokenizer.ggml.eos_token_id": { u32: 2 } }),
      {
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 2,
        head_dim: 8,
        max_position_embeddings: 256,
        rms_norm_eps: 1e-5,
        vocab_size: 10,
        rope_parameters: { rope_type: "default", rope_theta: 500_000 },
        tie_word_embeddings: true,
        bos_token_id: null,
        eos_token_id: 2,
        pad_token_id: null,
      },
    );
  });

  it("knows an untied head, biases, windows and key lengths", async () => {
    const head = { name: "output.weight", dims: [16, 10] };
    const bias = { name: "blk.0.attn_q.bias", dims: [16] };
    const untied = await configOf({ ".attention.head_count_kv": { u32: 1 } }, { tensors: [head, bias] });
    assert.equal(untied["tie_word_embeddings"], false);
    assert.equal(untied["attention_bias"], true);
    assert.equal(untied["num_key_value_heads"], 1);
    const mistral = await configOf({ ".attention.sliding_window": { u32: 64 } });
    assert.deepEqual([mistral["model_type"], mistral["sliding_window"]], ["mistral", 64]);
    assert.deepEqual(mistral["architectures"], ["MistralForCausalLM"]);
    const lengths = { ".attention.key_length": { u32: 16 }, ".attention.value_length": { u32: 16 } };
    const qwen3 = await configOf(lengths, { architecture: "qwen3" });
    assert.deepEqual([qwen3["model_type"], qwen3["head_dim"], qwen3["attention_bias"]], ["qwen3", 16, false]);
    assert.equal((await configOf({}, { architecture: "qwen2" }))["model_type"], "qwen2");
  });

  it("refuses a window where the file does not say which layers have it", async () => {
    const window = { ".attention.sliding_window": { u32: 4 } };
    await assert.rejects(configOf(window, { architecture: "qwen2" }), /qwen2\.attention\.sliding_window/);
  });

  it("reads every scaling of positions that it can name", async () => {
    const rope = async (changes: Readonly<Record<string, RawValue>>, tensors: readonly RawTensor[] = []) =>
      (await configOf({ ".rope.freq_base": { f32: 10_000 }, ...changes }, { tensors }))["rope_parameters"];
    const theta = { rope_theta: 10_000 };
    const factor = { ".rope.scaling.factor": { f32: 4 } };
    assert.deepEqual(await rope(factor), { rope_type: "linear", ...theta, factor: 4 });
    assert.deepEqual(await rope({ ".rope.scale_linear": { f32: 2 } }), { rope_type: "linear", ...theta, factor: 2 });
    assert.deepEqual(await rope({ ".rope.scaling.type": { text: "none" } }), { rope_type: "default", ...theta });
    assert.deepEqual(
      await rope({
        ...factor,
        ".rope.scaling.type": { text: "yarn" },
        ".rope.scaling.original_context_length": { u32: 64 },
      }),
      { rope_type: "yarn", ...theta, factor: 4, original_max_position_embeddings: 64 },
    );
    assert.deepEqual(await rope({ ".attention.key_length": { u32: 64 } }, [ropeFreqs(64, 10_000, 32, 8192)]), {
      rope_type: "llama3",
      ...theta,
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    const ones = { name: "rope_freqs.weight", dims: [4], data: new Uint8Array(Float32Array.of(1, 1, 1, 1).buffer) };
    assert.deepEqual(await rope({}, [ones]), { rope_type: "default", ...theta });
  });

  const odd = { name: "rope_freqs.weight", dims: [4], data: new Uint8Array(Float32Array.of(1, 2, 3, 5).buffer) };
  const short = { name: "rope_freqs.weight", dims: [2], data: new Uint8Array(Float32Array.of(1, 8).buffer) };
  const refused: readonly [
    string,
    Readonly<Record<string, RawValue | undefined>>,
    readonly RawTensor[],
    IssueCode,
    RegExp,
  ][] = [
    ["another architecture", { "general.architecture": { text: "mamba" } }, [], "model.unsupported", /architecture/],
    ["no architecture", { "general.architecture": undefined }, [], "model.unsupported", /architecture/],
    [
      "an architecture of every object",
      { "general.architecture": { text: "toString" } },
      [],
      "model.unsupported",
      /architecture/,
    ],
    ["experts", { ".expert_count": { u32: 8 } }, [], "model.unsupported", /llama\.expert_count/],
    [
      "a key that nobody knows",
      { ".attention.scale": { f32: 0.1 } },
      [],
      "model.unsupported",
      /llama\.attention\.scale/,
    ],
    ["heads that differ by layer", { ".attention.head_count": { i32s: [2, 4] } }, [], "weights.gguf", /head_count/],
    ["no size", { ".embedding_length": undefined }, [], "model.config", /embedding_length/],
    ["values of another length", { ".attention.value_length": { u32: 4 } }, [], "model.unsupported", /value_length/],
    ["half-rotated heads", { ".rope.dimension_count": { u32: 4 } }, [], "model.unsupported", /dimension_count/],
    ["an unknown scaling", { ".rope.scaling.type": { text: "longrope" } }, [], "model.unsupported", /positions/],
    ["yarn without its context", { ".rope.scaling.type": { text: "yarn" } }, [], "model.unsupported", /positions/],
    ["divisors that are not Llama 3's", {}, [odd], "model.unsupported", /positions/],
    ["divisors that do not fit", {}, [short], "base.weights", /rope_freqs/],
    ["a part of a model", { "split.count": { u32: 2 } }, [], "base.format", /parts/],
    ["an adapter", { "general.type": { text: "adapter" } }, [], "base.format", /no model/],
  ];
  for (const [name, changes, tensors, code, message] of refused) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(configOf(changes, { tensors }), (error) => {
        assert.ok(error instanceof GituneError, String(error));
        assert.equal(error.issues[0]?.code, code);
        assert.equal(error.exitCode, 2);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
