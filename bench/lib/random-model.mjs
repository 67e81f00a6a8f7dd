/** A model of random weights, written as a Hugging Face folder without holding it in memory. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { linearsOf } from "./flops.mjs";

/** Values that all tensors are cut from, at places of their own: drawing a billion normals would take a minute. */
const POOL = 1 << 22;
const SCALE = 0.02; // the usual initializer_range
const BYTES = 2; // bfloat16

/** meta-llama/Llama-3.2-1B's config.json. */
export const LLAMA_1B = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  bos_token_id: 128000,
  eos_token_id: 128001,
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  vocab_size: 128256,
};

/**
 * @param {string} folder
 * @param {typeof LLAMA_1B} config
 * @returns {{ parameters: number, bytes: number }}
 */
export function writeRandomModel(folder, config) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const header = {};
  let bytes = 0;
  const tensors = tensorsOf(config);
  for (const { name, shape } of tensors) {
    const size = shape.reduce((product, dim) => product * dim, BYTES);
    header[name] = { dtype: "BF16", shape, data_offsets: [bytes, bytes + size] };
    bytes += size;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  try {
    writeSync(file, length);
    writeSync(file, json);
    const pool = randomPool();
    const ones = bfloat16(new Float32Array(config.hidden_size).fill(1));
    for (const [index, { name, shape }] of tensors.entries()) {
      const size = shape.reduce((product, dim) => product * dim, BYTES);
      if (name.endsWith("norm.weight")) writeSync(file, ones);
      else writeFromPool(file, pool, size, index);
    }
  } finally {
    closeSync(file);
  }
  return { parameters: bytes / BYTES, bytes };
}

function tensorsOf({
  hidden_size,
  intermediate_size,
  num_hidden_layers,
  num_attention_heads,
  num_key_value_heads,
  head_dim,
  vocab_size,
}) {
  const linears = linearsOf({
    hiddenSize: hidden_size,
    intermediateSize: intermediate_size,
    heads: num_attention_heads,
    kvHeads: num_key_value_heads,
    headDim: head_dim,
  });
  const layer = (at) => [
    { name: `model.layers.${at}.input_layernorm.weight`, shape: [hidden_size] },
    ...Object.entries(linears).map(([name, [dIn, dOut]]) => {
      const block = ["gate_proj", "up_proj", "down_proj"].includes(name) ? "mlp" : "self_attn";
      return { name: `model.layers.${at}.${block}.${name}.weight`, shape: [dOut, dIn] };
    }),
    { name: `model.layers.${at}.post_attention_layernorm.weight`, shape: [hidden_size] },
  ];
  return [
    { name: "model.embed_tokens.weight", shape: [vocab_size, hidden_size] },
    ...Array.from({ length: num_hidden_layers }, (_, at) => layer(at)).flat(),
    { name: "model.norm.weight", shape: [hidden_size] },
  ];
}

/** Normal values by Box and Muller, from a small generator with a fixed seed. */
function randomPool() {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const values = Float32Array.from(
    { length: POOL },
    () => SCALE * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return bfloat16(values);
}

function bfloat16(values) {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = Buffer.alloc(values.length * BYTES);
  for (let i = 0; i < bits.length; i++) out.writeUInt16LE(bits[i] >>> 16, i * BYTES);
  return out;
}

function writeFromPool(file, pool, size, index) {
  let at = (((index * 2654435761) >>> 0) % POOL) * BYTES;
  for (let left = size; left > 0; ) {
    const chunk = pool.subarray(at, at + left);
    writeSync(file, chunk);
    left -= chunk.length;
    at = 0;
  }
}
