/** A base's tokenizer, from the files of a Hugging Face model folder or objects in their shape: text to ids and back, chat turns to text. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, GituneError, isTooDeep, MAX_DEPTH, type Message } from "@gitune/core";
import { isGgufName, readGguf } from "../weights/gguf/read-gguf.js";
import { type Bound, boundPatterns } from "./bound-patterns.js";
import { type ChatTemplate, parseChatTemplate, type RenderOptions } from "./chat-template.js";
import { ggufTokenizerFiles } from "./gguf-tokenizer.js";
import { type TokenizerParts, wordEncoder } from "./word-cache.js";

/** gemma3 has 60 MB, the largest seen. */
const MAX_TOKENIZER_BYTES = 256 * 1024 * 1024;
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;
const TEMPLATE_FILE = "chat_template.jinja";

/** A base's tokenizer. */
export interface BaseTokenizer {
  /** Ids of the text as it stands: special tokens spelled out in it become their ids, none are added. */
  encode(text: string): number[];
  /** Text of ids; special tokens are left out unless asked for. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** What the tokenizer puts before raw text by itself (BOS, or nothing). A chat template writes its own. */
  readonly prefixIds: readonly number[];
  /** Appended to completions and texts. One of `eosIds`. */
  readonly eosId: number;
  /** Every id that ends a generation, ascending, at least one. */
  readonly eosIds: readonly number[];
  /** The spelling of each of `eosIds`. */
  readonly eosTokens: readonly string[];
  /** Fills padding; whatever it is, padding carries no label, so it may equal `eosId` unharmed. */
  readonly padId: number;
  /** Ids are below this. */
  readonly vocabSize: number;
  /** @throws {GituneError} `template.missing` without a chat template, `template.render` when it fails */
  renderChat(messages: readonly Message[], options?: RenderOptions): string;
  /** The chat template's source; null when the base has none. */
  readonly template: string | null;
  /** sha256 (hex) of the chat template's source; of the empty string when there is none. */
  readonly templateSha256: string;
  /** What it was made from: enough to make it again in another thread, and to tell it from others. */
  readonly files: TokenizerFiles;
}

/** The part of `@huggingface/tokenizers` in use; its own types do not resolve under `nodenext`. */
interface Library extends TokenizerParts {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): ReadonlyMap<string, number>;
}

type JsonRecord = Readonly<Record<string, unknown>>;

/** What a tokenizer is made from: the JSON objects of a Hugging Face model folder. */
export interface TokenizerFiles {
  /** How messages call the model: its folder, or its GGUF file. */
  readonly place: string;
  /** `tokenizer.json` */
  readonly definition: JsonRecord;
  /** `tokenizer_config.json`; this and the next two are empty where there are none. */
  readonly config: JsonRecord;
  /** `generation_config.json`: its end-of-sequence ids. */
  readonly generation: JsonRecord;
  /** `config.json`: its end-of-sequence and padding ids. */
  readonly model: JsonRecord;
  /** `chat_template.jinja`, which wins over a template in the config. */
  readonly template: string | null;
}

/**
 * The tokenizer of a base.
 * @param place a Hugging Face model folder, or a GGUF file
 * @throws {GituneError} (exit code 2) `tokenizer.missing`, what `createTokenizer` throws, and what `readGguf` throws
 */
export async function loadTokenizer(place: string): Promise<BaseTokenizer> {
  return createTokenizer(isGgufName(place) ? ggufTokenizerFiles(readGguf(place)) : await readTokenizerFiles(place));
}

async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const definition = await readJson(join(folder, "tokenizer.json"), MAX_TOKENIZER_BYTES);
  if (definition === null) {
    throw new GituneError({
      code: "tokenizer.missing",
      severity: "error",
      file: join(folder, "tokenizer.json"),
      message: `${folder} has no tokenizer.json`,
      fix: "give a base with a fast tokenizer; transformers' save_pretrained writes one",
    });
  }
  const [config, generation, model, template] = await Promise.all([
    readJson(join(folder, "tokenizer_config.json"), MAX_CONFIG_BYTES).then((value) => value ?? {}),
    readJson(join(folder, "generation_config.json"), MAX_CONFIG_BYTES).then((value) => value ?? {}),
    readJson(join(folder, "config.json"), MAX_CONFIG_BYTES).then((value) => value ?? {}),
    readText(join(folder, TEMPLATE_FILE), MAX_CONFIG_BYTES),
  ]);
  return { place: folder, definition, config, generation, model, template };
}

/**
 * Makes a tokenizer from its definition.
 * @throws {GituneError} (exit code 2) `tokenizer.invalid`, `tokenizer.no-eos`, `template.parse`
 */
export async function createTokenizer(files: TokenizerFiles): Promise<BaseTokenizer> {
  const { place, definition, config, generation, model } = files;
  const file = join(place, "tokenizer.json");
  const bound = boundPatterns(definition, file);
  const library = await createLibrary(files, bound);
  const specials = specialTokens(config);
  const { eosId, eosIds } = endIds(place, library, specials["eos_token"], [
    generation["eos_token_id"],
    model["eos_token_id"],
  ]);
  const template = parseTemplate(files, specials);
  const encodeText =
    wordEncoder(library) ??
    ((text: string) => (text === "" ? [] : library.encode(text, { add_special_tokens: false }).ids));
  // A definition may break on a text only, such as one whose replacements double it forty times.
  const encode = (text: string): number[] => {
    try {
      return encodeText(text);
    } catch (cause) {
      throw invalid(file, `it fails on a text: ${String(cause)}`, cause);
    }
  };
  const hasCleanUp = config["clean_up_tokenization_spaces"] === true;
  const decode = (ids: readonly number[], { skipSpecialTokens = true } = {}): string =>
    ids.length === 0
      ? ""
      : // Off unless the tokenizer asks for it, as in transformers 5: cleaning " ." to "." changes what was generated.
        library.decode([...ids], {
          skip_special_tokens: skipSpecialTokens,
          clean_up_tokenization_spaces: hasCleanUp,
        });

  return {
    encode: bound(encode),
    decode: bound(decode),
    prefixIds: bound(prefixOf)(library),
    eosId,
    eosIds,
    eosTokens: eosIds.map((id) => library.id_to_token(id) ?? "").filter((token) => token !== ""),
    padId: padOf(library, specials["pad_token"], model["pad_token_id"]) ?? eosId,
    vocabSize: 1 + [...library.get_vocab().values()].reduce((max, id) => Math.max(max, id), -1),
    renderChat: (messages, options) => {
      if (template === null) throw noTemplate(place);
      return template.render(messages, options);
    },
    template: template?.source ?? null,
    templateSha256: template?.sha256 ?? createHash("sha256").update("").digest("hex"),
    files,
  };
}

async function createLibrary({ place, definition, config }: TokenizerFiles, bound: Bound): Promise<Library> {
  // Late: it is only needed where something is tokenized.
  const { Tokenizer } = (await import("@huggingface/tokenizers")) as unknown as {
    Tokenizer: new (tokenizer: JsonRecord, config: JsonRecord) => Library;
  };
  try {
    return bound(() => new Tokenizer(definition, config))();
  } catch (cause) {
    if (cause instanceof GituneError) throw cause;
    throw invalid(join(place, "tokenizer.json"), cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** `eos_token`, `bos_token` … as text; a token is written as text or as an object with `content`. */
function specialTokens(config: JsonRecord): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    const text = isRecord(value) ? value["content"] : value;
    if (typeof text === "string") tokens[name] = text;
  }
  return tokens;
}

function endIds(
  folder: string,
  library: Library,
  token: string | undefined,
  declared: readonly unknown[],
): { eosId: number; eosIds: number[] } {
  const own = token === undefined ? undefined : library.token_to_id(token);
  const ids = declared
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter((id) => Number.isInteger(id));
  const eosIds = new Set<number>(ids as number[]);
  if (own !== undefined) eosIds.add(own);
  const eosId = own ?? (ids[0] as number | undefined);
  if (eosId === undefined) {
    throw new GituneError({
      code: "tokenizer.no-eos",
      severity: "error",
      file: join(folder, "tokenizer_config.json"),
      message: `${folder} names no end-of-sequence token, so a model could not learn to stop`,
      expected: "eos_token in tokenizer_config.json, or eos_token_id in generation_config.json or config.json",
    });
  }
  return { eosId, eosIds: [...eosIds].sort((a, b) => a - b) };
}

/** What stands before "a" only because the tokenizer put it there. */
function prefixOf(library: Library): number[] {
  const bare = library.encode("a", { add_special_tokens: false }).ids;
  const full = library.encode("a", { add_special_tokens: true }).ids;
  for (let start = 0; start + bare.length <= full.length; start++) {
    if (bare.every((id, index) => full[start + index] === id)) return full.slice(0, start);
  }
  return [];
}

function padOf(library: Library, token: string | undefined, id: unknown): number | undefined {
  if (token !== undefined) return library.token_to_id(token);
  return Number.isInteger(id) && (id as number) >= 0 ? (id as number) : undefined;
}

/** The file wins over the config, as in transformers; of several named templates the one called "default". */
function parseTemplate(
  { place, config, template }: TokenizerFiles,
  specials: Readonly<Record<string, string>>,
): ChatTemplate | null {
  if (template !== null) return parseChatTemplate(template, specials, join(place, TEMPLATE_FILE));
  const configPath = join(place, "tokenizer_config.json");
  const written = config["chat_template"];
  if (typeof written === "string") return parseChatTemplate(written, specials, configPath);
  if (!Array.isArray(written)) return null;
  const named = written.filter(isRecord);
  const source = (named.find(({ name }) => name === "default") ?? named[0])?.["template"];
  return typeof source === "string" ? parseChatTemplate(source, specials, configPath) : null;
}

async function readText(path: string, maxBytes: number): Promise<string | null> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw invalid(path, `${size} bytes; the limit is ${maxBytes}`);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    if (cause instanceof GituneError) throw cause;
    throw invalid(path, errnoOf(cause) ?? String(cause), cause);
  }
}

async function readJson(path: string, maxBytes: number): Promise<JsonRecord | null> {
  const text = await readText(path, maxBytes);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, "it is not JSON", cause);
  }
  if (!isRecord(value)) throw invalid(path, "it is not a JSON object");
  if (isTooDeep(value)) throw invalid(path, `it nests deeper than ${MAX_DEPTH} levels`);
  return value;
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(file: string, what: string, cause?: unknown): GituneError {
  return new GituneError(
    { code: "tokenizer.invalid", severity: "error", file, message: `${file} cannot be used: ${what}` },
    { cause },
  );
}

function noTemplate(folder: string): GituneError {
  return new GituneError({
    code: "template.missing",
    severity: "error",
    file: folder,
    message: `${folder} has no chat template, so rows of messages cannot be rendered`,
    expected: "chat_template.jinja, or chat_template in tokenizer_config.json",
    fix: "use an instruct base, add a chat_template.jinja to it, or write the rows as prompt and completion",
  });
}
