/** Batched generation over a key-value cache. Lives in the engine's thread. */
import type { Backend, Executable, Tensor } from "../backends/backend.js";
import { Graph } from "../ir/node.js";
import { type DecodeOutputs, type Head, prefillGraph, stepGraph } from "../models/llama/decoding.js";
import { MASKED } from "../nn/row-mask.js";
import { createTuner } from "../tuners/registry.js";
import type { Tuner } from "../tuners/tuner.js";
import { closedSizes } from "./base-spec.js";
import { inferenceParams, type ModelSpec } from "./model-spec.js";
import { PlaceFeeds } from "./pass-feeds.js";
import { Programs } from "./programs.js";
import { type SampleOptions, sampleToken, uniformAt } from "./sample.js";

export interface DecodeSpec extends ModelSpec {
  /** Sequences a pass. Fixed, and filled up with repeats, so that sizes never change the arithmetic. */
  readonly batch: number;
}

export interface DecodeOptions extends SampleOptions {
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly eosIds: readonly number[];
}

export interface RawGeneration {
  /** Without EOS. */
  readonly ids: Int32Array;
  readonly stop: "eos" | "length";
  /** From the batch's start to this row's last token. */
  readonly latencyMs: number;
}

export interface DecodeHooks {
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Prompts are padded to multiples of this, caches to multiples of twice this: few sizes, few sessions. */
const LENGTH_STEP = 32;

export class DecodeEngine {
  readonly #spec: DecodeSpec;
  readonly #tuner: Tuner | null;
  readonly #programs: Programs;
  readonly #places: PlaceFeeds;

  constructor(spec: DecodeSpec, backend: Backend) {
    this.#spec = spec;
    this.#programs = new Programs(backend);
    this.#places = new PlaceFeeds(spec.base.config);
    this.#tuner = spec.adapter ? createTuner(spec.adapter.technique, spec.base.config, null) : null;
  }

  /** Answers in the prompts' order. Rows of similar length share a batch. */
  async generate(prompts: readonly Int32Array[], options: DecodeOptions, hooks: DecodeHooks): Promise<RawGeneration[]> {
    const order = prompts.map((_, row) => row).sort((a, b) => prompts[a]!.length - prompts[b]!.length || a - b);
    const out: RawGeneration[] = new Array(prompts.length);
    for (let start = 0; start < order.length; start += this.#spec.batch) {
      const rows = order.slice(start, start + this.#spec.batch);
      const done = await this.#generateBatch(rows, prompts, options, hooks.signal);
      for (const [i, row] of rows.entries()) out[row] = done[i]!;
      hooks.onProgress(Math.min(start + rows.length, order.length), order.length);
    }
    return out;
  }

  async close(): Promise<void> {
    await this.#programs.close();
  }

  async #generateBatch(
    rows: readonly number[],
    prompts: readonly Int32Array[],
    options: DecodeOptions,
    signal: AbortSignal,
  ): Promise<RawGeneration[]> {
    const { batch, base } = this.#spec;
    const { kvHeads, headDim, layers } = base.config;
    const started = performance.now();
    // A short batch is filled with its first prompt; those rows are thrown away.
    const slots = Array.from({ length: batch }, (_, slot) => prompts[rows[slot] ?? rows[0]!]!);
    const length = roundUp(Math.max(...slots.map((ids) => ids.length)), LENGTH_STEP);
    const capacity = roundUp(length + options.maxNewTokens, 2 * LENGTH_STEP);
    const head: Head = options.temperature === 0 ? "token" : "logits";

    const ids = new BigInt64Array(batch * length);
    const positionIds = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i % length));
    const last = new BigInt64Array(batch);
    for (const [slot, prompt] of slots.entries()) {
      for (const [t, id] of prompt.entries()) ids[slot * length + t] = BigInt(id);
      last[slot] = BigInt(slot * length + prompt.length - 1);
    }
    const prefill = await this.#program(prefillGraph, head);
    let out = await prefill.run({
      ...this.#theta(),
      ...this.#places.upTo(length),
      ids: tensor(ids, [batch, length]),
      positionIds: tensor(positionIds, [batch, length]),
      rowStarts: tensor(new Float32Array(batch * length), [batch, length]),
      last: tensor(last, [batch]),
    });

    const cacheShape = [batch, kvHeads, capacity, headDim];
    const caches: Record<string, Float32Array> = {};
    for (const name of cacheNames(layers)) {
      const cache = new Float32Array(batch * kvHeads * capacity * headDim);
      const fresh = out[name]!.data as Float32Array;
      for (let head = 0; head < batch * kvHeads; head++) {
        cache.set(fresh.subarray(head * length * headDim, (head + 1) * length * headDim), head * capacity * headDim);
      }
      caches[name] = cache;
    }

    const generated: number[][] = slots.map(() => []);
    const finished: (RawGeneration | null)[] = slots.map(() => null);
    const mask = new Float32Array(batch * (capacity + 1)).fill(MASKED);
    for (const [slot, prompt] of slots.entries()) {
      mask.fill(0, slot * (capacity + 1), slot * (capacity + 1) + prompt.length);
      mask[slot * (capacity + 1) + capacity] = 0;
    }
    let step: Executable | null = null;
    for (let made = 0; made < options.maxNewTokens; made++) {
      const next = this.#choose(out, rows, options, made);
      for (const [slot, id] of next.entries()) {
        if (finished[slot]) continue;
        const eos = options.eosIds.includes(id);
        if (!eos) generated[slot]!.push(id);
        if (eos || made + 1 === options.maxNewTokens) {
          finished[slot] = {
            ids: Int32Array.from(generated[slot]!),
            stop: eos ? "eos" : "length",
            latencyMs: performance.now() - started,
          };
        }
      }
      if (finished.slice(0, rows.length).every((row) => row !== null)) break;
      signal.throwIfAborted();

      const at = slots.map((prompt) => prompt.length + made);
      step ??= await this.#program(stepGraph, head);
      out = await step.run({
        ...this.#theta(),
        ...this.#places.upTo(capacity + 1),
        ids: tensor(BigInt64Array.from(next, BigInt), [batch, 1]),
        positionIds: tensor(BigInt64Array.from(at, BigInt), [batch, 1]),
        mask: tensor(mask, [batch, 1, 1, capacity + 1]),
        ...Object.fromEntries(Object.entries(caches).map(([name, data]) => [`past.${name}`, tensor(data, cacheShape)])),
      });
      for (const [name, cache] of Object.entries(caches)) {
        const fresh = out[name]!.data as Float32Array;
        for (const [slot, position] of at.entries()) {
          for (let kv = 0; kv < kvHeads; kv++) {
            const row = slot * kvHeads + kv;
            cache.set(fresh.subarray(row * headDim, (row + 1) * headDim), (row * capacity + position) * headDim);
          }
        }
      }
      for (const [slot, position] of at.entries()) mask[slot * (capacity + 1) + position] = 0;
    }
    return rows.map((_, slot) => finished[slot]!);
  }

  #choose(
    out: Readonly<Record<string, Tensor>>,
    rows: readonly number[],
    options: DecodeOptions,
    made: number,
  ): number[] {
    const { batch } = this.#spec;
    if (options.temperature === 0) return Array.from(out["token"]!.data as BigInt64Array, Number);
    const logits = out["logits"]!.data as Float32Array;
    const vocab = logits.length / batch;
    return Array.from({ length: batch }, (_, slot) =>
      sampleToken(
        logits.subarray(slot * vocab, (slot + 1) * vocab),
        options,
        uniformAt(options.seed, rows[slot] ?? 0, made),
      ),
    );
  }

  #theta(): Record<string, Tensor> {
    const theta = this.#spec.adapter?.theta;
    return theta ? { theta: tensor(theta, [theta.length]) } : {};
  }

  #program(build: typeof prefillGraph, head: Head): Promise<Executable> {
    return this.#programs.get(`${build.name}|${head}`, () => this.#build(build, head));
  }

  #build(build: typeof prefillGraph, head: Head): DecodeOutputs {
    const { base } = this.#spec;
    const graph = new Graph(closedSizes(base.config, this.#tuner));
    return build(graph, base.config, inferenceParams(graph, base, this.#tuner), head);
  }
}

const tensor = (data: Float32Array | BigInt64Array, shape: readonly number[]): Tensor => ({ data, shape });
const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [`k.${layer}`, `v.${layer}`]).flat();
