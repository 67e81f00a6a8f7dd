/**
 * What a server or an older PEFT would not load, or would load and serve wrongly, found before it is published. Pure. Read
 * off the servers' sources, not tried on them:
 *
 * - vLLM of 2025 and 2026: `vllm/config/lora.py` (ranks) and `vllm/lora/peft_helper.py` (keys and features)
 * - TGI at db931fc (January 2026, in maintenance mode since December 2025): `server/text_generation_server/`, where
 *   `adapters/lora.py`, `models/__init__.py` and `utils/adapter.py` load adapters; `utils/sgmv.py` before e325287 pads ranks
 * - SGLang of 2025: `python/sglang/srt/lora/lora.py` and `lora_config.py`
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

/** Modules that TGI applies adapters to; it leaves out all others without a word. */
const TGI_MODULES: ReadonlySet<string> = new Set([
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
]);

/** What vLLM and SGLang have no default for, where PEFT has one. */
const NEEDED_KEYS = ["r", "lora_alpha", "target_modules"] as const;
/** Ways to start A and B that leave the base's own weights alone; vLLM refuses the others, since PEFT changes the base. */
const PLAIN_INITS: ReadonlySet<unknown> = new Set(["gaussian", "eva", "orthogonal"]);

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

/** What TGI pads a rank to on one GPU: at least 8, and a multiple of 16 above. On n GPUs at least 8 n. */
export function tgiRank(rank: number): number {
  return rank <= 8 ? 8 : Math.ceil(rank / 16) * 16;
}

/**
 * Tensors that are not LoRA's (whole embeddings make a file many times larger) are refused where an adapter is read.
 * @param config an `adapter_config.json`, parsed
 * @param base its base, where it is known; `hasHeadNorms` of those that gitune trains is Qwen3's alone
 * @returns errors for what does not load at all, warnings for what one kind of user cannot load, notes for settings
 */
export function lintServing(
  config: Readonly<Record<string, unknown>>,
  project: string,
  base?: { readonly hasHeadNorms: boolean },
): readonly Issue[] {
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

  for (const key of NEEDED_KEYS) {
    if (config[key] === undefined)
      report("error", `/${key}`, `vLLM and SGLang refuse a file without ${key}`, "write it");
  }
  const rank = typeof config["r"] === "number" ? config["r"] : 8;
  const needed = vllmRank(rank);
  if (needed === null) {
    report("error", "/r", "vLLM serves no rank above 512", "lower train.technique.r", rank);
  } else if (needed > VLLM_DEFAULT_RANK) {
    const message = `vLLM's default takes ranks up to ${VLLM_DEFAULT_RANK}`;
    report("note", "/r", message, `serve with --max-lora-rank ${needed}; the card says so`, rank);
  }
  const targets = Array.isArray(config["target_modules"]) ? (config["target_modules"] as readonly unknown[]) : [];
  const without = (served: ReadonlySet<string>) =>
    targets.filter((name) => typeof name !== "string" || !served.has(name));
  const foreign = without(VLLM_MODULES);
  if (foreign.length > 0) {
    report("warning", "/target_modules", "vLLM has no LoRA layer for a module", "leave it out of targets", foreign);
  }
  const dropped = without(TGI_MODULES);
  if (dropped.length > 0) {
    report("warning", "/target_modules", "TGI leaves a module's update out", "leave it out of targets", dropped);
  }
  // Its scale is alpha over the rank, which is the padded one from the second kind of module on.
  if (targets.length > 1 && tgiRank(rank) !== rank) {
    const message = `TGI pads the rank to ${tgiRank(rank)} and scales all modules but one kind by that`;
    report("warning", "/r", message, "for TGI, take rank 8 or a multiple of 16", rank);
  }
  if (base?.hasHeadNorms === true) {
    report("warning", "/base_model_name_or_path", "TGI has no LoRA layers for Qwen3", "serve it with vLLM or SGLang");
  }
  if (config["use_rslora"] === true) {
    const fix = "compare its answers with vLLM's before serving with it";
    report("note", "/use_rslora", "SGLang of 2025 scales by alpha / r, not by rsLoRA's alpha / sqrt(r)", fix, true);
  }
  if (isOn(config["layers_to_transform"])) {
    const message = "TGI leaves out every module that not all layers have an update of";
    report("warning", "/layers_to_transform", message, "train all layers", config["layers_to_transform"]);
  }
  for (const key of ["rank_pattern", "alpha_pattern"]) {
    if (!isOn(config[key])) continue;
    const message = "TGI, and vLLM and SGLang of 2025, scale all modules by one rank and one alpha";
    report("warning", `/${key}`, message, "train with one rank and one alpha", config[key]);
  }
  for (const [key, problem] of [
    ["modules_to_save", "vLLM takes no whole modules beside LoRA's, and TGI leaves them out"],
    ["use_dora", "vLLM and SGLang do not serve DoRA, and TGI leaves its magnitudes out"],
    ["layer_replication", "vLLM does not serve replicated layers"],
  ] as const) {
    if (isOn(config[key])) report("error", `/${key}`, problem, "train without it", config[key]);
  }
  const init = config["init_lora_weights"];
  if (typeof init === "string" && !PLAIN_INITS.has(init.toLowerCase())) {
    const fix = "convert the adapter to plain LoRA (PEFT: path_initial_model_for_weight_conversion)";
    report("error", "/init_lora_weights", "vLLM refuses a start that changes the base's weights", fix, init);
  }
  if (isOn(config["bias"]) && config["bias"] !== "none") {
    report(
      "error",
      "/bias",
      "vLLM refuses the biases of an adapter, and TGI leaves them out",
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
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}
