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
const PLAIN_INITS: ReadonlySet<string> = new Set(["gaussian", "eva", "orthogonal", "mica", "lora_ga"]);

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

type Config = Readonly<Record<string, unknown>>;

interface Finding {
  readonly severity: Issue["severity"];
  /** Of `adapter_config.json`; what it points to is what was found. */
  readonly key: string;
  readonly message: string;
  readonly fix: string;
}

/**
 * Tensors that are not LoRA's (whole embeddings make a file many times larger) are refused where an adapter is read.
 * @param config an `adapter_config.json`, parsed
 * @param base its base, where it is known; of those that gitune trains Qwen3 alone has `hasHeadNorms`
 * @returns errors for what does not load at all, warnings for what one kind of user cannot load, notes for settings
 */
export function lintServing(
  config: Config,
  project: string,
  base?: { readonly hasHeadNorms: boolean },
): readonly Issue[] {
  const findings = [...vllm(config), ...tgi(config, base?.hasHeadNorms ?? false), ...sglang(config), ...peft(config)];
  return findings.map(({ severity, key, message, fix }) => ({
    code: "publish.serving",
    severity,
    project,
    file: "adapter_config.json",
    pointer: `/${key}`,
    message,
    ...(config[key] === undefined ? {} : { found: JSON.stringify(config[key]) }),
    fix,
  }));
}

function* vllm(config: Config): Iterable<Finding> {
  for (const key of NEEDED_KEYS) {
    if (config[key] !== undefined) continue;
    yield { severity: "error", key, message: `vLLM and SGLang refuse a file without ${key}`, fix: "write it" };
  }
  const rank = rankOf(config);
  const needed = vllmRank(rank);
  if (needed === null) {
    const message = "vLLM serves no rank above 512";
    yield { severity: "error", key: "r", message, fix: "lower train.technique.r" };
  } else if (needed > VLLM_DEFAULT_RANK) {
    const message = `vLLM's default takes ranks up to ${VLLM_DEFAULT_RANK}`;
    yield { severity: "note", key: "r", message, fix: `serve with --max-lora-rank ${needed}; the card says so` };
  }
  const foreign = targetsWithout(config, VLLM_MODULES);
  if (foreign !== "") {
    const message = `vLLM has no LoRA layer for ${foreign}`;
    yield { severity: "warning", key: "target_modules", message, fix: "leave it out of targets" };
  }
  for (const [key, message] of [
    ["modules_to_save", "vLLM takes no whole modules beside LoRA's, and TGI leaves them out"],
    ["use_dora", "vLLM does not serve DoRA, and TGI leaves its magnitudes out"],
    ["layer_replication", "vLLM does not serve replicated layers"],
  ] as const) {
    if (isOn(config[key])) yield { severity: "error", key, message, fix: "train without it" };
  }
  const init = config["init_lora_weights"];
  if (typeof init === "string" && !PLAIN_INITS.has(init.toLowerCase())) {
    const message = "vLLM refuses a start that changes the base's weights";
    const fix = "convert the adapter to plain LoRA (PEFT: path_initial_model_for_weight_conversion)";
    yield { severity: "error", key: "init_lora_weights", message, fix };
  }
  if (isOn(config["bias"]) && config["bias"] !== "none") {
    const message = "vLLM refuses the biases of an adapter, and TGI leaves them out";
    yield { severity: "error", key: "bias", message, fix: "train without them" };
  }
}

function* tgi(config: Config, hasHeadNorms: boolean): Iterable<Finding> {
  const severity = "warning";
  const dropped = targetsWithout(config, TGI_MODULES);
  if (dropped !== "") {
    const message = `TGI leaves the update of ${dropped} out`;
    yield { severity, key: "target_modules", message, fix: "leave it out of targets" };
  }
  const rank = rankOf(config);
  // Its scale is alpha over the rank, which is the padded one from the second kind of module on.
  if (targetsOf(config).length > 1 && tgiRank(rank) !== rank) {
    const message = `TGI pads the rank to ${tgiRank(rank)} and scales all modules but one kind by that, so it would answer otherwise`;
    yield { severity, key: "r", message, fix: "take rank 8 or a multiple of 16 where TGI is to serve it" };
  }
  if (hasHeadNorms) {
    const message = "TGI has no LoRA layers for Qwen3";
    yield { severity, key: "base_model_name_or_path", message, fix: "serve it with vLLM or SGLang" };
  }
  if (isOn(config["layers_to_transform"])) {
    const message = "TGI leaves out every kind of module that some layers have no update of";
    yield { severity, key: "layers_to_transform", message, fix: "train all layers" };
  }
  for (const key of ["rank_pattern", "alpha_pattern"]) {
    if (!isOn(config[key])) continue;
    const message = "TGI, and vLLM and SGLang of 2025, scale all modules by one rank and one alpha";
    yield { severity, key, message, fix: "train with one rank and one alpha" };
  }
}

function* sglang(config: Config): Iterable<Finding> {
  if (config["use_rslora"] !== true) return;
  const message = "SGLang of 2025 scales by alpha / r, not by rsLoRA's alpha / sqrt(r)";
  const fix = "compare its answers with vLLM's before serving with it";
  yield { severity: "note", key: "use_rslora", message, fix };
}

function* peft(config: Config): Iterable<Finding> {
  for (const key of Object.keys(config)) {
    if (OLDEST_PEFT_KEYS.has(key)) continue;
    const message = `PEFT ${OLDEST_PEFT} does not know ${key}, and refuses the file`;
    yield { severity: "error", key, message, fix: "leave the key out" };
  }
}

function rankOf({ r }: Config): number {
  return typeof r === "number" ? r : 8;
}

function targetsOf({ target_modules: targets }: Config): readonly unknown[] {
  return Array.isArray(targets) ? targets : [];
}

/** The targets that are not among some modules; empty where all are. */
function targetsWithout(config: Config, modules: ReadonlySet<string>): string {
  return targetsOf(config)
    .filter((name) => typeof name !== "string" || !modules.has(name))
    .map(String)
    .join(", ");
}

function isOn(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}
