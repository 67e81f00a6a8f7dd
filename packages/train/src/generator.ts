/** Text from a base, with or without an adapter. */
import {
  type Device,
  type Generate,
  type Generation,
  type GenerationOptions,
  GituneError,
  type PromptContent,
} from "@gitune/core";
import type { Base } from "./base.js";
import { defaultThreads, engineSettings, resolveDevice } from "./device.js";
import { EngineThread } from "./engine/client.js";
import type { DecodeSpec, RawGeneration } from "./engine/decode-engine.js";
import { StopStrings } from "./stop-strings.js";
import { readTrained, trainedSha256 } from "./trained.js";

export interface GeneratorOptions {
  readonly base: Base;
  /** What was trained: a PEFT adapter's folder, or a model folder (`technique: full`). Null runs the bare base. */
  readonly adapter: string | null;
  readonly threads?: number;
  /** Sequences a pass at most; 64 by default. A matter of speed and memory alone: texts do not depend on it. */
  readonly batchSize?: number;
  readonly device?: Device;
  /**
   * Runs the base's linear layers on 8-bit integers: faster, and not the texts of f32, so evaluation does
   * without. Their copy is kept in `cacheDir`. CPU only.
   */
  readonly int8?: { readonly cacheDir: string };
}

/** An open model that generates; `close` frees its worker. */
export interface Generator {
  readonly generate: Generate;
  close(): Promise<void>;
}

const DEFAULT_BATCH = 64;

/** @throws GituneError (exit code 2) where the base has no weights, the adapter does not fit it, or int8 not the device */
export async function createGenerator(options: GeneratorOptions): Promise<Generator> {
  const { base, adapter, threads = defaultThreads(), batchSize = DEFAULT_BATCH, device = "auto", int8 } = options;
  if (!base.spec.weights) {
    throw new GituneError({
      code: "base.weights",
      severity: "error",
      message: `${base.id} has no weights`,
      expected: "model.safetensors beside config.json",
    });
  }
  if (int8 && resolveDevice(device) !== "cpu") {
    throw new GituneError({
      code: "config.unsupported",
      severity: "error",
      message: "8-bit products are there on the CPU",
      found: device,
      fix: "use f32, or the device cpu",
    });
  }
  const model = await readTrained(adapter, base);
  // Full training's weights are another model than the base's.
  const sha256 = adapter === null || model.base === base.spec ? base.sha256 : await trainedSha256(adapter);
  const spec: DecodeSpec = {
    ...model,
    batch: batchSize,
    ...(int8 ? { int8: { baseSha256: sha256, cacheDir: int8.cacheDir } } : {}),
  };
  const thread = new EngineThread(await engineSettings(device, threads));
  await thread.call("openDecode", [spec]);
  return {
    generate: (prompts, settings, hooks) => generate(thread, base, prompts, settings, hooks),
    close: () => thread.close(),
  };
}

const generate = async (
  thread: EngineThread,
  base: Base,
  prompts: readonly PromptContent[],
  options: GenerationOptions,
  hooks: Parameters<Generate>[2] = {},
): Promise<Generation[]> => {
  const encoded = prompts.map((prompt) => encodePrompt(base, prompt));
  const room = base.config.maxPositions - options.maxNewTokens;
  const fits = (ids: Int32Array) => ids.length > 0 && ids.length <= room;
  const runnable = encoded.flatMap((ids, row) => (fits(ids) ? [row] : []));
  const stops = options.stop?.length ? new StopStrings(options.stop, (ids) => base.tokenizer.decode(ids)) : null;
  const raw = await thread.call(
    "decode",
    [
      runnable.map((row) => encoded[row]!),
      {
        maxNewTokens: options.maxNewTokens,
        temperature: options.temperature,
        topP: options.topP ?? 1,
        topK: options.topK ?? 0,
        repetitionPenalty: options.repetitionPenalty ?? 1,
        rows: runnable,
        seed: options.seed ?? 0,
        eosIds: base.tokenizer.eosIds,
        reportTokens: stops !== null,
      },
    ],
    {
      onProgress: hooks.onProgress,
      signal: hooks.signal,
      onTokens: (tokens) => tokens.flatMap(([row, id]) => (stops?.follow(row, id) ? [row] : [])),
    },
  );
  const byRow = new Map(runnable.map((row, i) => [row, raw[i]!]));
  return encoded.map((ids, row) => {
    const generated = byRow.get(row);
    if (generated) return finish(base, ids, generated, stops);
    const error =
      ids.length === 0 ? "the prompt is empty" : `the prompt has ${ids.length} tokens, the model has room for ${room}`;
    return { text: "", promptTokens: ids.length, completionTokens: 0, latencyMs: 0, stop: "error", error };
  });
};

function encodePrompt({ tokenizer }: Base, prompt: PromptContent): Int32Array {
  if (prompt.kind === "text") return Int32Array.from([...tokenizer.prefixIds, ...tokenizer.encode(prompt.text)]);
  return Int32Array.from(tokenizer.encode(tokenizer.renderChat(prompt.messages, { addGenerationPrompt: true })));
}

function finish({ tokenizer }: Base, prompt: Int32Array, raw: RawGeneration, stops: StopStrings | null): Generation {
  const ids = [...raw.ids];
  const cut = stops?.cut(ids);
  return {
    text: cut?.text ?? tokenizer.decode(ids),
    promptTokens: prompt.length,
    completionTokens: cut?.tokens ?? ids.length,
    latencyMs: raw.latencyMs,
    // The engine ends a row early only where a stop string was seen.
    stop: cut || raw.stop !== "length" ? "eos" : "length",
  };
}
