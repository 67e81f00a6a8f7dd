/** A base model with random weights: what it says is nonsense, but it is trained and evaluated like any other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./action-folder.js";
import type { Files } from "./pull-request.js";

const CONFIG = {
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 256,
  torch_dtype: "float32",
};
/** The small base's tokenizer and template go with it. */
const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "chat_template.jinja",
];

/** @param dir folder in the repository, such as `models/tiny` */
export function tinyBase(dir: string): Files {
  const from = join(REPOSITORY, "models/gitune-tiny");
  const written = JSON.parse(readFileSync(join(from, "config.json"), "utf8")) as { vocab_size: number };
  const config = { ...written, ...CONFIG };
  return {
    [`${dir}/config.json`]: JSON.stringify(config),
    [`${dir}/model.safetensors`]: safetensors(tensorShapes(config.vocab_size)),
    ...Object.fromEntries(TOKENIZER_FILES.map((name) => [`${dir}/${name}`, readFileSync(join(from, name))])),
  };
}

/** Names and shapes of a Llama checkpoint with a tied head. */
function tensorShapes(vocab: number): Readonly<Record<string, readonly number[]>> {
  const { hidden_size: d, intermediate_size: f, num_attention_heads: heads, head_dim: h } = CONFIG;
  const kv = CONFIG.num_key_value_heads * h;
  const shapes: Record<string, readonly number[]> = { "model.embed_tokens.weight": [vocab, d] };
  for (let layer = 0; layer < CONFIG.num_hidden_layers; layer += 1) {
    const at = `model.layers.${layer}`;
    Object.assign(shapes, {
      [`${at}.input_layernorm.weight`]: [d],
      [`${at}.post_attention_layernorm.weight`]: [d],
      [`${at}.self_attn.q_proj.weight`]: [heads * h, d],
      [`${at}.self_attn.k_proj.weight`]: [kv, d],
      [`${at}.self_attn.v_proj.weight`]: [kv, d],
      [`${at}.self_attn.o_proj.weight`]: [d, heads * h],
      [`${at}.mlp.gate_proj.weight`]: [f, d],
      [`${at}.mlp.up_proj.weight`]: [f, d],
      [`${at}.mlp.down_proj.weight`]: [d, f],
    });
  }
  return { ...shapes, "model.norm.weight": [d] };
}

/** https://github.com/huggingface/safetensors#format: length of the header (u64), header (JSON), data. */
function safetensors(shapes: Readonly<Record<string, readonly number[]>>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const parts: Buffer[] = [];
  let offset = 0;
  let seed = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const isNorm = shape.length === 1;
    const values = Float32Array.from({ length: size }, () => {
      seed += 1;
      return isNorm ? 1 : Math.sin(seed * 12.9898 + 78.233) * 0.2;
    });
    const bytes = Buffer.from(values.buffer);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    parts.push(bytes);
  }
  const text = JSON.stringify(header);
  // Data begins at a multiple of eight.
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8, " "));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...parts]);
}
