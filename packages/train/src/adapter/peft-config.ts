/**
 * `adapter_config.json`, as PEFT reads and writes it. Written with the keys that vLLM and SGLang have no default for (r,
 * lora_alpha, target_modules) and else without any that equals PEFT's default, since a key that an older PEFT does not know
 * makes it refuse the file; read with every key that could change the result either understood or off.
 * @see https://huggingface.co/docs/peft/package_reference/lora (LoraConfig; defaults of PEFT 0.17)
 */
import { GituneError, type LoraTechnique } from "@gitune/core";

/** PEFT's own defaults: a key that is absent means these. */
const PEFT_DEFAULTS = { r: 8, alpha: 8, dropout: 0 } as const;

/** Facts that change no result: whatever they say is fine. */
const NEUTRAL_KEYS: ReadonlySet<string> = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "revision",
  "task_type",
  "inference_mode",
  "peft_version",
  "target_modules", // the tensors say it; a regular expression from a file is not run
  "exclude_modules",
  "megatron_core",
  "qalora_group_size", // only with use_qalora
  "ensure_weight_tying",
]);
/** Ways to start A and B that leave the base's own weights alone; others (pissa, olora, corda, loftq) change them. */
const NEUTRAL_INITS: ReadonlySet<unknown> = new Set([undefined, null, true, false, "gaussian", "eva", "orthogonal"]);

/** What `adapter_config.json` says. */
export interface PeftConfig {
  readonly r: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rslora: boolean;
  /** Hub id or path; null when the file names none. */
  readonly baseId: string | null;
  readonly revision: string | null;
  readonly taskType: string | null;
}

/** What is written. */
export interface PeftConfigFacts {
  readonly technique: LoraTechnique;
  readonly baseId: string;
  readonly revision: string | null;
  readonly targets: readonly string[];
  readonly taskType: string;
}

/** The file's text: keys sorted, two spaces, as PEFT writes it. */
export function peftConfigText({ technique, baseId, revision, targets, taskType }: PeftConfigFacts): string {
  const { r, alpha, dropout, rslora } = technique;
  const config = {
    base_model_name_or_path: baseId,
    lora_alpha: alpha,
    ...(dropout === PEFT_DEFAULTS.dropout ? {} : { lora_dropout: dropout }),
    peft_type: "LORA",
    r,
    ...(revision === null ? {} : { revision }),
    target_modules: [...targets].sort(),
    task_type: taskType,
    ...(rslora ? { use_rslora: true } : {}),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * Reads the file's text.
 * @throws {GituneError} `adapter.config` when it is not one; `adapter.unsupported` for a method or a key whose effect we do
 *   not compute: loading it without would silently give other results
 */
export function parsePeftConfig(text: string, file: string): PeftConfig {
  const config = parseObject(text, file);
  if (config["peft_type"] !== "LORA") throw unsupported(file, "peft_type", config["peft_type"], '"LORA"');
  const understood = new Set([
    "peft_type",
    "r",
    "lora_alpha",
    "lora_dropout",
    "use_rslora",
    "init_lora_weights",
    "bias",
  ]);
  if (!NEUTRAL_INITS.has(config["init_lora_weights"])) {
    throw unsupported(
      file,
      "init_lora_weights",
      config["init_lora_weights"],
      "true; convert the adapter to plain LoRA first",
    );
  }
  if (![undefined, null, "none"].includes(config["bias"] as string | null | undefined)) {
    throw unsupported(file, "bias", config["bias"], '"none"');
  }
  for (const [key, value] of Object.entries(config)) {
    if (!understood.has(key) && !NEUTRAL_KEYS.has(key) && !isOff(value)) throw unsupported(file, key, value, "off");
  }
  return {
    r: numberOf(config, "r", PEFT_DEFAULTS.r, file),
    alpha: numberOf(config, "lora_alpha", PEFT_DEFAULTS.alpha, file),
    dropout: numberOf(config, "lora_dropout", PEFT_DEFAULTS.dropout, file),
    rslora: config["use_rslora"] === true,
    baseId: stringOf(config["base_model_name_or_path"]),
    revision: stringOf(config["revision"]),
    taskType: stringOf(config["task_type"]),
  };
}

/** How PEFT spells "this feature is not in use". */
function isOff(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw broken(file, "it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken(file, "it is not an object");
  return value as Record<string, unknown>;
}

function numberOf(config: Readonly<Record<string, unknown>>, key: string, fallback: number, file: string): number {
  const value = config[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw broken(file, `${key} is ${JSON.stringify(value)}, not a number of 0 or more`);
  }
  return value;
}

const stringOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function broken(file: string, what: string, cause?: unknown): GituneError {
  return new GituneError(
    { code: "adapter.config", severity: "error", file, message: `${file} cannot be used: ${what}` },
    { cause },
  );
}

function unsupported(file: string, key: string, value: unknown, expected: string): GituneError {
  const found = (JSON.stringify(value) ?? "nothing").slice(0, 100);
  return new GituneError({
    code: "adapter.unsupported",
    severity: "error",
    file,
    pointer: `/${key}`,
    message: `the adapter sets ${key} to ${found}, which changes its result in a way that is not supported`,
    expected,
    found,
  });
}
