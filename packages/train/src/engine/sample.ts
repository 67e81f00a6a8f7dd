/** Choosing the next token from logits. */

export interface SampleOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** (0, 1] */
  readonly topP: number;
  /** 0 keeps all. */
  readonly topK: number;
}

/**
 * Temperature, then top-k, then top-p (Holtzman et al. 2019, https://arxiv.org/abs/1904.09751 §3.1), the order of transformers.
 * @param logits [vocab]   @param uniform one draw from [0, 1)   @returns a token id
 */
export function sampleToken(logits: Float32Array, options: SampleOptions, uniform: number): number {
  if (options.temperature === 0) return argMax(logits);
  // Ties go to the lower id, so the order, and with it the choice, is the same everywhere.
  let candidates = Array.from(logits, (logit, id) => ({ id, logit })).sort((a, b) => b.logit - a.logit || a.id - b.id);
  if (options.topK > 0) candidates = candidates.slice(0, options.topK);
  const best = candidates[0]!.logit;
  const weights = candidates.map(({ logit }) => Math.exp((logit - best) / options.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let mass = 0;
  while (kept < weights.length && (kept === 0 || mass / total < options.topP)) mass += weights[kept++]!;
  let rest = uniform * mass;
  for (let i = 0; i < kept; i++) {
    rest -= weights[i]!;
    if (rest < 0) return candidates[i]!.id;
  }
  return candidates[kept - 1]!.id;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** A draw from [0, 1) that depends on seed, row and step alone, so a row's text does not depend on its batch. */
export function uniformAt(seed: number, row: number, step: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(row + 1, 0x85ebca77) ^ Math.imul(step + 1, 0xc2b2ae3d);
  for (const factor of [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]) h = Math.imul(h ^ (h >>> 15), factor);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}
