/** A base model: where it is, what it is, and the hashes that its results are filed under. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, readFile, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { GituneError, hashFile, type IssueCode, isBaseInside, type RowContent, writeFileAtomic } from "@gitune/core";
import { countContentTokens } from "./data/count-tokens.js";
import type { BaseSpec, WeightEntry } from "./engine/base-spec.js";
import { formatShape, sameShape } from "./ir/shape.js";
import type { LlamaConfig } from "./models/llama/config.js";
import { llamaTensors } from "./models/llama/tensors.js";
import { readModelConfig } from "./models/read-model-config.js";
import { ggufTokenizerFiles } from "./tokenizer/gguf-tokenizer.js";
import { type BaseTokenizer, createTokenizer, loadTokenizer } from "./tokenizer/tokenizer.js";
import { ggufConfig, ggufFamily } from "./weights/gguf/gguf-config.js";
import { isGgufName, readGguf } from "./weights/gguf/read-gguf.js";
import { planTensors } from "./weights/gguf/tensor-plan.js";
import { unpackWeights } from "./weights/gguf/unpack-weights.js";
import { openSafetensors } from "./weights/safetensors.js";

export interface OpenBaseOptions {
  /** The repository's root, absolute. */
  readonly root: string;
  /** The project's folder, relative to the root: what `./` in `base` means. */
  readonly projectDir: string;
  readonly base: string;
  readonly revision: string | null;
  /** Where other forms of the weights are kept (unpacked, 8-bit); `weightsCache(root)` by default. */
  readonly cacheDir?: string;
}

export interface Base {
  /** As the config writes it: a Hub id or a path. Never absolute. */
  readonly id: string;
  readonly revision: string | null;
  /** sha256 (hex) over config, tokenizer and weights, file by file; of a GGUF file, its own. */
  readonly sha256: string;
  readonly templateSha256: string;
  readonly tokenizer: BaseTokenizer;
  readonly config: LlamaConfig;
  readonly spec: BaseSpec;
  /** Where other forms of its weights are kept. */
  readonly cacheDir: string;
  /** Puts config and tokenizer into a folder, for weights that were trained in place of the base's. */
  readonly copyModelFiles: (folder: string) => Promise<void>;
}

/** Files whose bytes decide what a base computes; others may change freely. */
const HASHED_FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
];
/** What makes weights a model folder. */
const MODEL_FILES = [...HASHED_FILES, "special_tokens_map.json"];
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Opens a base inside the repository: a folder in Hugging Face layout, or a GGUF file, whose weights are unpacked the first time.
 * @throws GituneError (exit code 2) `base.missing`, `base.outside`, `base.weights`, and what its parts throw
 */
export async function openBase(options: OpenBaseOptions): Promise<Base> {
  const place = await findBase(options);
  return place.isFile ? openGgufBase(place.path, options) : openFolder(place.path, options);
}

/**
 * What a base's `config.json` says, or the head of its GGUF file: no weights are read and nothing is unpacked.
 * @throws GituneError as `openBase`
 */
export async function readBaseConfig(options: OpenBaseOptions): Promise<LlamaConfig> {
  const { path, isFile } = await findBase(options);
  if (!isFile) return readConfig(path, options);
  const gguf = readGguf(path, relative(options.root, path).split(sep).join("/"));
  return readModelConfig(ggufConfig(gguf), gguf.shown);
}

async function openFolder(dir: string, options: OpenBaseOptions): Promise<Base> {
  const config = await readConfig(dir, options);
  const [tokenizer, weights] = [await loadTokenizer(dir), await readWeights(dir, config, options.base)];
  return {
    id: options.base,
    revision: options.revision,
    sha256: await hashBase(dir, weights),
    templateSha256: tokenizer.templateSha256,
    tokenizer,
    config,
    spec: { config, weights },
    cacheDir: options.cacheDir ?? weightsCache(options.root),
    copyModelFiles: async (folder) => {
      for (const name of MODEL_FILES) {
        if (await stat(join(dir, name)).catch(() => null)) await copyFile(join(dir, name), join(folder, name));
      }
    },
  };
}

async function openGgufBase(path: string, options: OpenBaseOptions): Promise<Base> {
  const gguf = readGguf(path, relative(options.root, path).split(sep).join("/"));
  const { family } = ggufFamily(gguf);
  const json = ggufConfig(gguf);
  const config = readModelConfig(json, gguf.shown);
  const plan = planTensors(gguf, llamaTensors(config), family.isPermuted ? config.headDim : 0);
  const files = ggufTokenizerFiles(gguf);
  const tokenizer = await createTokenizer(files);
  const sha256 = await hashFile(path);
  const cacheDir = options.cacheDir ?? weightsCache(options.root);
  const weights = await readWeights(await unpackWeights({ gguf, plan, sha256, cacheDir }), config, options.base);
  return {
    id: options.base,
    revision: options.revision,
    sha256,
    templateSha256: tokenizer.templateSha256,
    tokenizer,
    config,
    spec: { config, weights },
    cacheDir,
    copyModelFiles: async (folder) => {
      const made = {
        "config.json": json,
        "generation_config.json": files.generation,
        "tokenizer.json": files.definition,
        "tokenizer_config.json": files.config,
      };
      for (const [name, value] of Object.entries(made)) {
        await writeFileAtomic(join(folder, name), [`${JSON.stringify(value, null, 2)}\n`]);
      }
    },
  };
}

/** Where a repository keeps weights in another form than its bases have them. @param root absolute */
export function weightsCache(root: string): string {
  return join(root, ".gitune", "weights");
}

/** Tokens of a row's content under this base's template: all of them, and those that carry a label. */
export function countTokens(
  base: Pick<Base, "tokenizer">,
): (content: RowContent) => { total: number; supervised: number } {
  return (content) => countContentTokens(content, base.tokenizer);
}

/** @returns its absolute path, and whether it is a GGUF file; else it is a folder */
async function findBase({ root, projectDir, base, revision }: OpenBaseOptions): Promise<{
  readonly path: string;
  readonly isFile: boolean;
}> {
  const from = base.startsWith("./") || base.startsWith("../") ? join(root, projectDir) : root;
  const path = resolve(from, base);
  const found = await stat(path).catch(() => null);
  const isFile = found?.isFile() === true;
  if (isFile && !isGgufName(base)) {
    const fix = "use a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file";
    throw new GituneError(baseIssue(base, "base.format", "the base is a file, but no GGUF file", fix));
  }
  if (!isFile && !found?.isDirectory()) {
    const isHubId = revision !== null || (!isGgufName(base) && /^[\w.-]+\/[\w.-]+$/.test(base));
    const fix = isHubId
      ? `download it into the repository, then give its folder: hf download ${base}${revision ? ` --revision ${revision}` : ""} --local-dir models/${base.split("/").at(-1)}`
      : "correct train.base: a folder or .gguf file relative to the repository's root, or to the project's with ./";
    throw new GituneError(baseIssue(base, "base.missing", "the base model is not there", fix));
  }
  // A link may lead out of the repository although the path does not, also one of a folder's files.
  if (isAbsolute(base) || !(await isBaseInside(root, path))) {
    throw new GituneError(
      baseIssue(
        base,
        "base.outside",
        "the base model, or a file of its folder, lies outside the repository",
        "move it into the repository, e.g. below models/",
      ),
    );
  }
  return { path, isFile };
}

async function readConfig(dir: string, { root }: OpenBaseOptions): Promise<LlamaConfig> {
  const path = join(dir, "config.json");
  const shown = relative(root, path).split(sep).join("/");
  const info = await stat(path).catch(() => null);
  if (!info?.isFile() || info.size > MAX_CONFIG_BYTES) {
    throw new GituneError({
      code: "base.missing",
      severity: "error",
      file: shown,
      message: "the base has no usable config.json",
      expected: "a folder in Hugging Face layout",
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new GituneError(
      { code: "model.config", severity: "error", file: shown, message: "config.json is not JSON" },
      { cause },
    );
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new GituneError({
      code: "model.config",
      severity: "error",
      file: shown,
      message: "config.json is not an object",
    });
  }
  return readModelConfig(json as Record<string, unknown>, shown);
}

const ENGINE_DTYPE: Readonly<Record<string, WeightEntry["dtype"]>> = { F32: "f32", BF16: "bf16", F16: "f16" };

/**
 * Every tensor that the model needs, with the right shape. Null where there are no weights at all.
 * @param base how the folder is called in messages
 * @throws GituneError `base.weights` where one is missing or of another shape
 */
export async function readWeights(
  dir: string,
  config: LlamaConfig,
  base: string,
): Promise<Record<string, WeightEntry> | null> {
  const names = ["model.safetensors", "model.safetensors.index.json"];
  const present = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => null)));
  if (present.every((file) => file === null)) return null;
  const entries = await openSafetensors(dir);
  const weights: Record<string, WeightEntry> = {};
  for (const { name, shape } of llamaTensors(config)) {
    const entry = entries.get(name);
    const dtype = entry && ENGINE_DTYPE[entry.dtype];
    if (!entry || !dtype || !sameShape(entry.shape, shape)) {
      const found = entry ? `${entry.dtype} ${formatShape(entry.shape)}` : "nothing";
      throw new GituneError({
        ...baseIssue(
          base,
          "base.weights",
          `the weights do not fit config.json at ${name}`,
          "use weights and config.json of the same model",
        ),
        expected: `F32, BF16 or F16 ${formatShape(shape)}`,
        found,
      });
    }
    weights[name] = { file: entry.file, offset: entry.offset, length: entry.length, dtype, shape };
  }
  return weights;
}

async function hashBase(dir: string, weights: Readonly<Record<string, WeightEntry>> | null): Promise<string> {
  const files = [
    ...HASHED_FILES.map((name) => join(dir, name)),
    ...new Set(Object.values(weights ?? {}).map(({ file }) => file)),
  ];
  const all = createHash("sha256");
  for (const file of files.sort()) {
    const hash = createHash("sha256");
    try {
      for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw error;
    }
    all.update(`${relative(dir, file)}\0${hash.digest("hex")}\n`);
  }
  return all.digest("hex");
}

function baseIssue(base: string, code: IssueCode, message: string, fix: string) {
  return { code, severity: "error" as const, pointer: "/train/base", message, found: base, fix };
}
