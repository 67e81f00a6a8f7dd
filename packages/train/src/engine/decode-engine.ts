/** Batched generation over a key-value cache. Lives in the engine's thread. */
import type { Backend, Executable, Feeds, Tensor } from "../backends/backend.js";
import { Graph } from "../ir/node.js";
import { extendGraph } from "../models/llama/decoding.js";
import { createTuner } from "../tuners/registry.js";
import type { Tuner } from "../tuners/tuner.js";
import { closedSizes } from "./base-spec.js";
import type { Int8Request } from "./int8-base.js";
import { KvCache } from "./kv-cache.js";
import { inferenceParams, type ModelSpec } from "./model-spec.js";
import { PlaceFeeds } from "./pass-feeds.js";
import { Programs } from "./programs.js";
import type { NewToken } from "./protocol.js";
import { chooseToken, processLogits, type SampleOptions, uniformAt } from "./sample.js";

export interface DecodeSpec extends ModelSpec {
  /** Sequences a pass at most. A row's text does not depend on it. */
  readonly batch: number;
  /** Runs the base's linear layers and its head on 8-bit integers, as training under `compute: int8` does. */
  readonly int8?: Int8Request;
}

export interface DecodeOptions extends SampleOptions {
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly eosIds: readonly number[];
  /** The number of each prompt, which its draws depend on; its place in the list by default. */
  readonly rows?: readonly number[];
  /** Whether `onTokens` wants to know each step's tokens. */
  readonly reportTokens?: boolean;
}

export interface RawGeneration {
  /** Without EOS. */
  readonly ids: Int32Array;
  /** `ended`: the caller wanted no more. */
  readonly stop: "eos" | "length" | "ended";
  /** From the row's start, its prompt's first pass, to its last token. */
  readonly latencyMs: number;
}

export interface DecodeHooks {
  /** Rows that are done, of all. */
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
  /** New tokens of rows, by the prompts' places; EOS is none. */
  readonly onTokens?: (tokens: readonly NewToken[]) => void;
  /** Rows that need no more tokens; grows while generation goes on. */
  readonly ended?: ReadonlySet<number>;
}

/** Prompts are padded to multiples of this. Prompts of one padded length share a pass, and so never change each other's. */
const LENGTH_STEP = 16;
/** Tokens of a prompt that one pass reads at most: attention's scores grow with the pass and with the prompt, not with its square. */
const CHUNK = 256;
/** Tokens of all prompts that one pass reads at most. */
const PASS_TOKENS = 1024;
/**
 * The cache grows by so many positions. A multiple of what softmax adds up side by side (64 at most), so that a value's
 * place among its partial sums does not depend on the cache's size.
 */
const CAPACITY_STEP = 64;
/** Keys and values of all slots together, at most: where rows are long, fewer run side by side. */
const CACHE_BYTES = 2 ** 29;
/** The position of a cache's place that holds no key: past every other, and exact in f32. */
const NOWHERE = 2 ** 23;

/** A prompt on its way. */
interface Sequence {
  /** Its place in the list of prompts. */
  readonly at: number;
  /** Prompt and text so far. */
  readonly ids: number[];
  readonly promptLength: number;
  readonly started: number;
}

/**
 * A batch of slots: where a row ends, the next prompt takes its slot. Each row's arithmetic is its own: the same numbers
 * come out of it whatever the batch and the other rows are (docs/adr/0005-rows-apart.md).
 */
export class DecodeEngine {
  readonly #spec: DecodeSpec;
  readonly #tuner: Tuner | null;
  readonly #programs: Programs;
  readonly #places: PlaceFeeds;
  /** Where passes write their logits: a row's worth for each slot. */
  readonly #logits: Float32Array;

  constructor(spec: DecodeSpec, backend: Backend) {
    this.#spec = spec;
    this.#programs = new Programs(backend);
    this.#places = new PlaceFeeds(spec.base.config);
    this.#tuner = spec.adapter ? createTuner(spec.adapter.technique, spec.base.config, null) : null;
    this.#logits = new Float32Array(spec.batch * spec.base.config.vocabSize);
  }

  /** Answers in the prompts' order. Rows of similar length run side by side. */
  async generate(prompts: readonly Int32Array[], options: DecodeOptions, hooks: DecodeHooks): Promise<RawGeneration[]> {
    const waiting = prompts.map((_, at) => at).sort((a, b) => prompts[a]!.length - prompts[b]!.length || a - b);
    const out: RawGeneration[] = new Array(prompts.length);
    const cache = new KvCache(this.#spec.base.config, this.#slotsFor(prompts, options.maxNewTokens), CAPACITY_STEP);
    const active: Sequence[] = [];
    let done = 0;
    const tokens: NewToken[] = [];
    /** Adds a sequence's next token. @returns whether that was its last */
    const advance = (sequence: Sequence, logits: Float32Array): boolean => {
      const { at, ids, promptLength, started } = sequence;
      const id = chooseNext(sequence, logits, options);
      const isEnd = options.eosIds.includes(id);
      if (!isEnd) {
        ids.push(id);
        tokens.push([at, id]);
      }
      const isFull = ids.length - promptLength >= options.maxNewTokens;
      const stop = isEnd ? "eos" : isFull ? "length" : hooks.ended?.has(at) ? "ended" : null;
      if (!stop) return false;
      out[at] = { ids: Int32Array.from(ids.slice(promptLength)), stop, latencyMs: performance.now() - started };
      hooks.onProgress(++done, prompts.length);
      return true;
    };
    const report = () => {
      if (options.reportTokens) hooks.onTokens?.(tokens.splice(0));
    };

    while (active.length + waiting.length > 0) {
      hooks.signal.throwIfAborted();
      if (waiting.length > 0 && active.length < cache.slots) {
        const group = takeGroup(waiting, prompts, cache.slots - active.length);
        const { logits, cache: read } = await this.#read(group, hooks.signal);
        for (const [i, sequence] of group.entries()) {
          if (advance(sequence, this.#rowOf(logits, i))) continue;
          cache.grow(roundUp(read.capacity, CAPACITY_STEP));
          cache.adopt(active.length, read, i);
          active.push(sequence);
        }
        report();
        continue;
      }
      const logits = await this.#step(active, cache);
      // From the last on, so that what moves into a gap was looked at before.
      for (let slot = active.length - 1; slot >= 0; slot--) {
        if (!advance(active[slot]!, this.#rowOf(logits, slot))) continue;
        const last = active.length - 1;
        if (slot < last) cache.adopt(slot, cache, last);
        active[slot] = active[last]!;
        active.pop();
      }
      report();
    }
    return out;
  }

  async close(): Promise<void> {
    await this.#programs.close();
  }

  /** Reads whole prompts of one padded length. @returns each one's next logits, and their keys and values */
  async #read(group: readonly Sequence[], signal: AbortSignal): Promise<{ logits: Float32Array; cache: KvCache }> {
    const cache = new KvCache(this.#spec.base.config, group.length, LENGTH_STEP);
    const padded = roundUp(Math.max(...group.map(({ ids }) => ids.length)), LENGTH_STEP);
    let logits = this.#logits;
    for (let start = 0; start < padded; start += CHUNK) {
      signal.throwIfAborted();
      const length = Math.min(CHUNK, padded - start);
      const tokens = new BigInt64Array(group.length * length);
      const positions = new BigInt64Array(group.length * length);
      const keyPositions = keyPositionsOf(
        cache.capacity,
        length,
        group.map(() => start),
      );
      for (const [i, { ids }] of group.entries()) {
        for (let t = 0; t < length; t++) {
          tokens[i * length + t] = BigInt(ids[start + t] ?? 0);
          positions[i * length + t] = BigInt(start + t);
        }
      }
      const ends = group.map(({ ids }, i) => i * length + Math.min(ids.length - start, length) - 1);
      const out = await this.#extend(cache, group.length, length, { tokens, positions, keyPositions, ends });
      cache.grow(start + length);
      for (const [i, { ids }] of group.entries()) cache.write(i, start, out, i, Math.min(ids.length - start, length));
      logits = out["logits"]!.data as Float32Array;
    }
    return { logits, cache };
  }

  /** Reads the last token of each sequence. @returns their next logits */
  async #step(active: readonly Sequence[], cache: KvCache): Promise<Float32Array> {
    const lengths = active.map(({ ids }) => ids.length - 1);
    cache.grow(roundUp(Math.max(...lengths) + 1, CAPACITY_STEP));
    const out = await this.#extend(cache, active.length, 1, {
      tokens: BigInt64Array.from(active, ({ ids }) => BigInt(ids.at(-1)!)),
      positions: BigInt64Array.from(lengths, BigInt),
      keyPositions: keyPositionsOf(cache.capacity, 1, lengths),
      ends: active.map((_, slot) => slot),
    });
    for (const [slot, length] of lengths.entries()) cache.write(slot, length, out, slot, 1);
    return out["logits"]!.data as Float32Array;
  }

  async #extend(
    cache: KvCache,
    batch: number,
    length: number,
    pass: {
      readonly tokens: BigInt64Array;
      readonly positions: BigInt64Array;
      readonly keyPositions: Float32Array;
      readonly ends: readonly number[];
    },
  ): Promise<Record<string, Tensor>> {
    const { vocabSize } = this.#spec.base.config;
    const program = await this.#program();
    const rows = pass.ends.length;
    const feeds: Feeds = {
      ...this.#places.upTo(cache.capacity + length),
      ...cache.feeds(batch),
      ids: { data: pass.tokens, shape: [batch, length] },
      positionIds: { data: pass.positions, shape: [batch, length] },
      keyPositions: { data: pass.keyPositions, shape: [batch, cache.capacity + length] },
      ends: { data: BigInt64Array.from(pass.ends, BigInt), shape: [rows] },
    };
    return program.run(feeds, {
      logits: { data: this.#logits.subarray(0, rows * vocabSize), shape: [rows, vocabSize] },
    });
  }

  #slotsFor(prompts: readonly Int32Array[], maxNewTokens: number): number {
    const { layers, kvHeads, headDim } = this.#spec.base.config;
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0) + maxNewTokens;
    const slotBytes = 2 * layers * kvHeads * headDim * Float32Array.BYTES_PER_ELEMENT * roundUp(longest, CAPACITY_STEP);
    return Math.min(this.#spec.batch, prompts.length, Math.max(1, Math.floor(CACHE_BYTES / slotBytes)));
  }

  #rowOf(logits: Float32Array, row: number): Float32Array {
    const { vocabSize } = this.#spec.base.config;
    return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
  }

  #program(): Promise<Executable> {
    return this.#programs.get("extend", () => {
      const { base } = this.#spec;
      const graph = new Graph(closedSizes(base.config, this.#tuner), 1);
      return extendGraph(graph, base.config, inferenceParams(graph, this.#spec, this.#tuner));
    });
  }
}

/** @param logits the sequence's next ones, changed in place */
function chooseNext({ at, ids, promptLength }: Sequence, logits: Float32Array, options: DecodeOptions): number {
  processLogits(logits, ids, options);
  const step = ids.length - promptLength;
  const uniform = options.temperature === 0 ? null : uniformAt(options.seed, options.rows?.[at] ?? at, step);
  return chooseToken(logits, uniform);
}

/** The next prompts of one padded length, as many as fit into a pass and into the free slots. */
function takeGroup(waiting: number[], prompts: readonly Int32Array[], free: number): Sequence[] {
  const padded = (at: number) => roundUp(prompts[at]!.length, LENGTH_STEP);
  const length = padded(waiting[0]!);
  const most = Math.min(free, Math.max(1, Math.floor(PASS_TOKENS / Math.min(length, CHUNK))));
  let count = 1;
  while (count < Math.min(most, waiting.length) && padded(waiting[count]!) === length) count++;
  return waiting.splice(0, count).map((at) => ({
    at,
    ids: [...prompts[at]!],
    promptLength: prompts[at]!.length,
    started: performance.now(),
  }));
}

/**
 * Where the keys of a pass stand: those of the cache, then those of the tokens that the pass reads.
 * @param known of each sequence, how many keys the cache holds   @returns [B, capacity + length]
 */
function keyPositionsOf(capacity: number, length: number, known: readonly number[]): Float32Array {
  const width = capacity + length;
  const out = new Float32Array(known.length * width).fill(NOWHERE);
  for (const [i, count] of known.entries()) {
    for (let key = 0; key < count; key++) out[i * width + key] = key;
    for (let t = 0; t < length; t++) out[i * width + capacity + t] = count + t;
  }
  return out;
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
