/**
 * What a server or an older PEFT would not load, found before it is published. Pure.
 * @see https://github.com/vllm-project/vllm: vllm/config/lora.py (ranks) and vllm/lora/peft_helper.py (features)
 */
import type { Issue } from "@gitune/core";

/** What vLLM's `--max-lora-rank` takes; 16 where nothing is said. */
const VLLM_RANKS = [1, 8, 16, 32, 64, 128, 256, 320, 512] as const;
const VLLM_DEFAULT_RANK = 16;

/** Modules that vLLM has LoRA layers for, over the families that gitune trains. */
const VLLM_MODULES: ReadonlySet<string> = new Set([
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
  "embed_tokens",
  "lm_head",
]);

/** The oldest PEFT that adapters are promised to load in (docs/parity.md), and the keys of its LoraConfig. */
export const OLDEST_PEFT = "0.10.0";
const OLDEST_PEFT_KEYS: ReadonlySet<string> = new Set([
  "alpha_pattern",
  "auto_mapping",
  "base_model_name_or_path",
  "bias",
  "fan_in_fan_out",
  "inference_mode",
  "init_lora_weights",
  "layer_replication",
  "layers_pattern",
  "layers_to_transform",
  "loftq_config",
  "lora_alpha",
  "lora_dropout",
  "megatron_config",
  "megatron_core",
  "modules_to_save",
  "peft_type",
  "r",
  "rank_pattern",
  "revision",
  "target_modules",
  "task_type",
  "use_dora",
  "use_rslora",
]);

/** The `--max-lora-rank` that vLLM needs for a rank; null where none is large enough. */
export function vllmRank(rank: number): number | null {
  return VLLM_RANKS.find((allowed) => allowed >= rank) ?? null;
}

/**
 * Tensors that are not LoRA's (whole embeddings make a file many times larger) are refused where an adapter is read.
 * @param config an `adapter_config.json`, parsed
 * @returns errors for what does not load at all, warnings for what one kind of user cannot load, notes for settings
 */
export function lintServing(config: Readonly<Record<string, unknown>>, project: string): readonly Issue[] {
  const issues: Issue[] = [];
  const report = (severity: Issue["severity"], pointer: string, message: string, fix: string, found?: unknown) =>
    issues.push({
      code: "publish.serving",
      severity,
      project,
      file: "adapter_config.json",
      pointer,
      message,
      ...(found === undefined ? {} : { found: JSON.stringify(found) }),
      fix,
    });

  const rank = typeof config["r"] === "number" ? config["r"] : 8;
  const needed = vllmRank(rank);
  if (needed === null) {
    report("error", "/r", "vLLM serves no rank above 512", "lower train.technique.r", rank);
  } else if (needed > VLLM_DEFAULT_RANK) {
    const message = `vLLM's default takes ranks up to ${VLLM_DEFAULT_RANK}`;
    report("note", "/r", message, `serve with --max-lora-rank ${needed}; the card says so`, rank);
  }
  const targets = Array.isArray(config["target_modules"]) ? (config["target_modules"] as readonly unknown[]) : [];
  const foreign = targets.filter((name) => typeof name !== "string" || !VLLM_MODULES.has(name));
  if (foreign.length > 0) {
    report("warning", "/target_modules", "vLLM has no LoRA layer for a module", "leave it out of targets", foreign);
  }
  for (const [key, problem] of [
    ["modules_to_save", "vLLM takes no whole modules beside LoRA's"],
    ["use_dora", "vLLM does not serve DoRA"],
  ] as const) {
    if (isOn(config[key])) report("error", `/${key}`, problem, "train without it", config[key]);
  }
  if (isOn(config["bias"]) && config["bias"] !== "none") {
    report(
      "error",
      "/bias",
      "vLLM refuses the biases of an adapter, or leaves them out",
      "train without them",
      config["bias"],
    );
  }
  for (const key of Object.keys(config)) {
    if (OLDEST_PEFT_KEYS.has(key)) continue;
    const message = `PEFT ${OLDEST_PEFT} does not know ${key}, and refuses the file`;
    report("error", `/${key}`, message, "leave the key out", config[key]);
  }
  return issues;
}

function isOn(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false;
}
