/** Adapter folders in PEFT's format: written to the byte the same each time, read whoever wrote them. */
import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { errnoOf, GituneError, hashFile, InternalError, type LoraTechnique, writeFileAtomic } from "@gitune/core";
import { readSafetensorsHeader, readTensorEntry, type TensorData, writeSafetensors } from "../weights/safetensors.js";
import { adapterCard } from "./card.js";
import { type PeftConfigFacts, parsePeftConfig, peftConfigText } from "./peft-config.js";

const WEIGHTS = "adapter_model.safetensors";
const CONFIG = "adapter_config.json";
const PREFIX = "base_model.model.";
/** Real files have 1-3 KB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** What is written. Tensor names are the model's own (`model.layers.0.self_attn.q_proj.lora_A.weight`). */
export interface PeftAdapterFacts extends PeftConfigFacts {
  readonly tensors: readonly TensorData[];
}

/** An adapter as read. */
export interface PeftAdapter {
  readonly technique: LoraTechnique;
  /** Names without PEFT's prefix, f32. */
  readonly tensors: readonly TensorData[];
  /** Hub id or path of the base; null when the adapter names none. */
  readonly baseId: string | null;
  readonly revision: string | null;
}

/**
 * Writes `adapter_model.safetensors`, `adapter_config.json` and `README.md`. The weights come last, so a folder that has
 * them is whole.
 * @throws {GituneError} `adapter.base-path` (exit code 2) for an absolute path as base; `disk.full`, `disk.write` (3)
 */
export async function writePeftAdapter(folder: string, facts: PeftAdapterFacts): Promise<void> {
  if (isAbsolute(facts.baseId)) throw absoluteBase(facts.baseId);
  const tensors = facts.tensors.map((tensor) => {
    checkShape(tensor.name, tensor.shape, facts.technique.r);
    return { ...tensor, name: `${PREFIX}${tensor.name}` };
  });
  await writeFileAtomic(join(folder, CONFIG), [peftConfigText(facts)]);
  await writeFileAtomic(join(folder, "README.md"), [adapterCard(facts)]);
  await writeSafetensors(join(folder, WEIGHTS), tensors, { format: "pt" });
}

/**
 * Reads an adapter folder that gitune or PEFT wrote.
 * @throws {GituneError} (exit code 2) `adapter.missing`, `adapter.config`, `adapter.unsupported`, `adapter.tensors`,
 *   `weights.safetensors`
 */
export async function readPeftAdapter(folder: string): Promise<PeftAdapter> {
  const configPath = join(folder, CONFIG);
  const config = parsePeftConfig(await readConfig(folder, configPath), configPath);
  const weightsPath = join(folder, WEIGHTS);
  const header = await readSafetensorsHeader(weightsPath).catch((cause: unknown) => {
    throw cause instanceof GituneError && cause.issues[0]?.code === "weights.missing"
      ? missing(folder, WEIGHTS)
      : cause;
  });

  const tensors: TensorData[] = [];
  const targets = new Set<string>();
  for (const [written, entry] of header.tensors) {
    const name = modelName(written);
    const match = /^(?:.*\.)?([^.]+)\.lora_[AB]\.weight$/.exec(name);
    const rank = entry.shape[name.endsWith("lora_A.weight") ? 0 : 1];
    if (match?.[1] === undefined || entry.shape.length !== 2 || rank !== config.r) {
      throw badTensor(weightsPath, written, entry.shape, config.r);
    }
    targets.add(match[1]);
    tensors.push({ name, shape: entry.shape, data: await readTensorEntry(entry, written) });
  }
  checkPairs(weightsPath, tensors);
  const { r, alpha, dropout, rslora, baseId, revision } = config;
  return {
    technique: { type: "lora", r, alpha, dropout, rslora, targets: [...targets].sort() },
    tensors,
    baseId,
    revision,
  };
}

/**
 * sha256 (hex) of `adapter_model.safetensors`: what "adapter sha256" means everywhere.
 * @throws {GituneError} `adapter.missing` (exit code 2)
 */
export async function adapterSha256(folder: string): Promise<string> {
  try {
    return await hashFile(join(folder, WEIGHTS));
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") throw missing(folder, WEIGHTS);
    throw cause;
  }
}

/** PEFT leaves the adapter's name out when it saves; files made by hand may still have it. */
function modelName(written: string): string {
  const bare = written.startsWith(PREFIX) ? written.slice(PREFIX.length) : written;
  return bare.replace(/\.(lora_[AB])\.default\.weight$/, ".$1.weight");
}

function checkShape(name: string, shape: readonly number[], r: number): void {
  const isRight =
    shape.length === 2 &&
    ((name.endsWith(".lora_A.weight") && shape[0] === r) || (name.endsWith(".lora_B.weight") && shape[1] === r));
  if (!isRight) throw new InternalError(`${name} [${shape.join(", ")}] is no LoRA tensor of rank ${r}`);
}

/** An A without its B (a cut export) would load as something else than was trained. */
function checkPairs(file: string, tensors: readonly TensorData[]): void {
  const names = new Set(tensors.map(({ name }) => name));
  for (const name of names) {
    const other = name.endsWith("lora_A.weight")
      ? name.replace(/lora_A\.weight$/, "lora_B.weight")
      : name.replace(/lora_B\.weight$/, "lora_A.weight");
    if (!names.has(other))
      throw tensorsError(file, `${JSON.stringify(name)} is there without ${JSON.stringify(other)}`);
  }
  if (names.size === 0) throw tensorsError(file, "there are no tensors");
}

async function readConfig(folder: string, path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_CONFIG_BYTES) {
      throw new GituneError({
        code: "adapter.config",
        severity: "error",
        file: path,
        message: `${path} has more than ${MAX_CONFIG_BYTES} bytes`,
      });
    }
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") throw missing(folder, CONFIG);
    throw cause;
  }
}

function missing(folder: string, name: string): GituneError {
  return new GituneError({
    code: "adapter.missing",
    severity: "error",
    file: folder,
    message: `${folder} has no ${name}`,
    expected: `a LoRA adapter in PEFT's format: ${CONFIG} and ${WEIGHTS}`,
    fix: "train an adapter first, or save yours with safe_serialization=True",
  });
}

function badTensor(file: string, name: string, shape: readonly number[], r: number): GituneError {
  return tensorsError(
    file,
    `${JSON.stringify(name)} [${shape.join(", ")}] is no lora_A [${r}, in] or lora_B [out, ${r}]`,
  );
}

function tensorsError(file: string, what: string): GituneError {
  return new GituneError({
    code: "adapter.tensors",
    severity: "error",
    file,
    message: `${file} is not a LoRA adapter that can be loaded: ${what}`,
    expected: "pairs of lora_A.weight and lora_B.weight, all of the config's rank",
  });
}

function absoluteBase(baseId: string): GituneError {
  return new GituneError({
    code: "adapter.base-path",
    severity: "error",
    message: `the base is an absolute path, ${baseId}, which no other machine has`,
    expected: "a Hub id, or a path relative to the repository's root",
  });
}
