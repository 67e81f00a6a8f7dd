/** Choosing the next token from logits. */

export interface SampleOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** (0, 1] */
  readonly topP: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** > 0; 1 changes nothing, more makes what was said before less likely. */
  readonly repetitionPenalty: number;
}

/**
 * Changes logits as transformers' processors do, in its order: repetition penalty, temperature, top-k, top-p. What may not
 * be chosen becomes -Infinity. Without temperature (greedy) only the penalty has a say.
 * @param logits [vocab], changed in place   @param seen ids of prompt and text so far
 */
export function processLogits(logits: Float32Array, seen: Iterable<number>, options: SampleOptions): void {
  const { temperature, topK, topP, repetitionPenalty } = options;
  if (repetitionPenalty !== 1) penalize(logits, seen, repetitionPenalty);
  if (temperature === 0) return;
  if (temperature !== 1) for (let id = 0; id < logits.length; id++) logits[id]! /= temperature;
  if (topK > 0 && topK < logits.length) keepTop(logits, topK);
  if (topP < 1) keepNucleus(logits, topP);
}

/**
 * A token by processed logits; ties of the likeliest go to the lower id.
 * @param uniform one draw from [0, 1); null takes the likeliest
 */
export function chooseToken(logits: Float32Array, uniform: number | null): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  if (uniform === null) return best;
  const highest = logits[best]!;
  let total = 0;
  for (let id = 0; id < logits.length; id++) total += Math.exp(logits[id]! - highest);
  let rest = uniform * total;
  for (let id = 0; id < logits.length; id++) {
    rest -= Math.exp(logits[id]! - highest);
    if (rest < 0) return id;
  }
  return best; // Only where rounding left a crumb at the end.
}

/** A draw from [0, 1) that depends on seed, row and step alone, so a row's text does not depend on its batch. */
export function uniformAt(seed: number, row: number, step: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(row + 1, 0x85ebca77) ^ Math.imul(step + 1, 0xc2b2ae3d);
  for (const factor of [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]) h = Math.imul(h ^ (h >>> 15), factor);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Keskar et al. 2019, CTRL, https://arxiv.org/abs/1909.05858 §4.1; a negative logit is multiplied, as in transformers. */
function penalize(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  for (const id of new Set(seen)) logits[id]! *= logits[id]! < 0 ? penalty : 1 / penalty;
}

/** Fan et al. 2018, https://arxiv.org/abs/1805.04833 §5.4. All that equal the k-th stay. */
function keepTop(logits: Float32Array, k: number): void {
  const least = kthLargest(logits, k);
  for (let id = 0; id < logits.length; id++) if (logits[id]! < least) logits[id] = -Infinity;
}

/**
 * Keeps the likeliest tokens until their probability reaches p (Holtzman et al. 2019, https://arxiv.org/abs/1904.09751
 * §3.1), at least one. Of equal tokens the lower id goes first.
 */
function keepNucleus(logits: Float32Array, p: number): void {
  const highest = logits.reduce((max, logit) => Math.max(max, logit), -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // All lighter ones together are lighter than what is left out, so they need no sorting: often a few stay of a whole vocabulary.
  const lightest = ((1 - p) * total) / weights.length;
  const candidates: number[] = [];
  for (let id = 0; id < weights.length; id++) if (weights[id]! > lightest) candidates.push(id);
  candidates.sort((a, b) => weights[b]! - weights[a]! || a - b);
  let mass = 0;
  const kept = new Set(
    candidates.filter((id, i) => {
      const stays = i === 0 || mass < p * total;
      mass += weights[id]!;
      return stays;
    }),
  );
  for (let id = 0; id < logits.length; id++) if (!kept.has(id)) logits[id] = -Infinity;
}

/** By a heap of the k largest so far, the least on top. */
function kthLargest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort();
  for (let i = k; i < values.length; i++) {
    const value = values[i]!;
    if (value <= heap[0]!) continue;
    let hole = 0;
    for (let child = 1; child < k; child = 2 * hole + 1) {
      if (child + 1 < k && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = value;
  }
  return heap[0]!;
}
