/** A base model: where it is, what it is, and the hashes that its results are filed under. */
import { createHash } from "node:crypto";
import { copyFile, readFile, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import {
  errnoOf,
  GituneError,
  hashFile,
  type IssueCode,
  isBaseInside,
  type RowContent,
  writeFileAtomic,
} from "@gitune/core";
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
import { openSafetensors, readShardNames } from "./weights/safetensors.js";

/** A base of the Hub at one commit, in a folder outside of the repository: whoever fetched it has checked where its files lie. */
export interface BaseSnapshot {
  /** Absolute. */
  readonly dir: string;
  /** Whether the weights are there. Where they are not, the base can be told from others, but not trained. */
  readonly hasWeights: boolean;
  /** sha256 (hex) by file name, as the commit says. A file that is there must have it; weights that are not count as if they were. */
  readonly sha256: ReadonlyMap<string, string>;
}

export interface OpenBaseOptions {
  /** The repository's root, absolute. */
  readonly root: string;
  /** The project's folder, relative to the root: what `./` in `base` means. */
  readonly projectDir: string;
  readonly base: string;
  readonly revision: string | null;
  /** Where other forms of the weights are kept (unpacked, 8-bit); `weightsCache(root)` by default. */
  readonly cacheDir?: string;
  /** A Hub base's files; without it, a base lies in the repository. */
  readonly snapshot?: BaseSnapshot;
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
const SINGLE_WEIGHTS = "model.safetensors";
const WEIGHTS_INDEX = "model.safetensors.index.json";

/**
 * Opens a base: a folder in Hugging Face layout, or a GGUF file, whose weights are unpacked the first time. It lies inside the
 * repository, or is a snapshot of the Hub.
 * @throws GituneError (exit code 2) `base.missing`, `base.outside`, `base.weights`, `base.damaged`, and what its parts throw
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
  const { snapshot } = options;
  const tokenizer = await loadTokenizer(dir);
  const weights = snapshot?.hasWeights === false ? null : await readWeights(dir, config, options.base);
  const names = weights ? fileNames(dir, weights) : await weightsToCome(dir, config, snapshot);
  return {
    id: options.base,
    revision: options.revision,
    sha256: await hashBase(dir, names, snapshot?.sha256 ?? new Map()),
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
async function findBase({ root, projectDir, base, revision, snapshot }: OpenBaseOptions): Promise<{
  readonly path: string;
  readonly isFile: boolean;
}> {
  if (snapshot) return { path: snapshot.dir, isFile: false };
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
      ? "give the base's commit on the Hub, revision: <40 hex digits>, and fetch it first: gitune's commands do"
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

async function readConfig(dir: string, { root, base, snapshot }: OpenBaseOptions): Promise<LlamaConfig> {
  const path = join(dir, "config.json");
  const shown = snapshot ? `${base}/config.json` : relative(root, path).split(sep).join("/");
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
  const names = [SINGLE_WEIGHTS, WEIGHTS_INDEX];
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

/** Names of the files that have weights. */
function fileNames(dir: string, weights: Readonly<Record<string, WeightEntry>>): readonly string[] {
  return [...new Set(Object.values(weights).map(({ file }) => relative(dir, file)))];
}

/** The names that `fileNames` gives once a snapshot's weights are there; none for a base without any. */
async function weightsToCome(
  dir: string,
  config: LlamaConfig,
  snapshot: BaseSnapshot | undefined,
): Promise<readonly string[]> {
  if (!snapshot || snapshot.hasWeights) return [];
  if (snapshot.sha256.has(SINGLE_WEIGHTS)) return [SINGLE_WEIGHTS];
  const shards = await readShardNames(join(dir, WEIGHTS_INDEX));
  return [...new Set(llamaTensors(config).flatMap(({ name }) => shards[name] ?? []))];
}

/**
 * @param weights names of its files with weights
 * @param known what files by these names must have, and have where they are not there
 * @throws GituneError `base.damaged`
 */
async function hashBase(dir: string, weights: readonly string[], known: ReadonlyMap<string, string>): Promise<string> {
  const all = createHash("sha256");
  for (const name of [...HASHED_FILES, ...weights].sort()) {
    const own = await hashFile(join(dir, name)).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return null;
      throw error;
    });
    const said = known.get(name);
    if (own !== null && said !== undefined && own !== said) throw damaged(join(dir, name), said, own);
    const sha256 = own ?? (weights.includes(name) ? said : undefined);
    if (sha256 !== undefined) all.update(`${name}\0${sha256}\n`);
  }
  return all.digest("hex");
}

function damaged(file: string, expected: string, found: string): GituneError {
  return new GituneError(
    {
      code: "base.damaged",
      severity: "error",
      file,
      message: `${file} is not what the base's commit on the Hub has`,
      expected: `sha256 ${expected}`,
      found,
      fix: "remove the file that it leads to, and run again: it is downloaded anew",
    },
    { exitCode: 3 },
  );
}

function baseIssue(base: string, code: IssueCode, message: string, fix: string) {
  return { code, severity: "error" as const, pointer: "/train/base", message, found: base, fix };
}
