import type { Feeds, Tensor } from "../backends/backend.js";

/** What of a model a cache's sizes follow from. */
export interface CacheSizes {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** The keys and the values of every layer: of a pass, or of a cache. */
export const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [`k.${layer}`, `v.${layer}`]).flat();

/**
 * Keys and values of sequences, as a pass reads them: for each layer [slots, KV, capacity, hd], keys and values apart.
 * A key's place is its position. Places that were never written hold zeros.
 */
export class KvCache {
  readonly slots: number;
  readonly #sizes: CacheSizes;
  readonly #names: readonly string[];
  #parts: Float32Array[];
  #capacity: number;

  /** @param capacity 1 at least: ONNX Runtime's FusedMatMul leaves a sum over no places unwritten */
  constructor(sizes: CacheSizes, slots: number, capacity: number) {
    this.slots = slots;
    this.#sizes = sizes;
    this.#capacity = capacity;
    this.#names = cacheNames(sizes.layers);
    this.#parts = this.#names.map(() => new Float32Array(slots * sizes.kvHeads * capacity * sizes.headDim));
  }

  /** Positions that a slot has room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The inputs `past.*` for the first slots, not copied. */
  feeds(slots: number): Feeds {
    const { kvHeads, headDim } = this.#sizes;
    const shape = [slots, kvHeads, this.#capacity, headDim];
    const length = slots * kvHeads * this.#capacity * headDim;
    return Object.fromEntries(
      this.#names.map((name, i) => [`past.${name}`, { data: this.#parts[i]!.subarray(0, length), shape }]),
    );
  }

  /** Makes room for more positions; what is there keeps its place. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    const { kvHeads, headDim } = this.#sizes;
    const [from, to] = [this.#capacity * headDim, capacity * headDim];
    for (const [i, part] of this.#parts.entries()) {
      const grown = new Float32Array(this.slots * kvHeads * to);
      for (let row = 0; row < this.slots * kvHeads; row++)
        grown.set(part.subarray(row * from, (row + 1) * from), row * to);
      this.#parts[i] = grown;
    }
    this.#capacity = capacity;
  }

  /**
   * Writes what a pass put out for one of its sequences.
   * @param fresh the pass's outputs, [B, KV, T, hd] each   @param sequence which of B   @param count how many of T, from the first
   */
  write(
    slot: number,
    position: number,
    fresh: Readonly<Record<string, Tensor>>,
    sequence: number,
    count: number,
  ): void {
    const { kvHeads, headDim } = this.#sizes;
    for (const [i, name] of this.#names.entries()) {
      const { data, shape } = fresh[name] as { data: Float32Array; shape: readonly number[] };
      const part = this.#parts[i]!;
      const length = shape[2]!;
      for (let head = 0; head < kvHeads; head++) {
        const to = ((slot * kvHeads + head) * this.#capacity + position) * headDim;
        const from = (sequence * kvHeads + head) * length * headDim;
        // A loop: a view for each of some thousand short copies a token costs more than the copies.
        for (let j = 0; j < count * headDim; j++) part[to + j] = data[from + j]!;
      }
    }
  }

  /** Puts another cache's slot in place of one of this one's, which has room for it. */
  adopt(slot: number, other: KvCache, otherSlot: number): void {
    const { kvHeads, headDim } = this.#sizes;
    const [from, to] = [other.capacity * headDim, this.#capacity * headDim];
    for (const [i, part] of this.#parts.entries()) {
      for (let head = 0; head < kvHeads; head++) {
        const source = (otherSlot * kvHeads + head) * from;
        const start = (slot * kvHeads + head) * to;
        part.set(other.#parts[i]!.subarray(source, source + from), start);
        part.fill(0, start + from, start + to);
      }
    }
  }
}
