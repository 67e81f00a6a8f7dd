/**
 * How fast each pair of a head's dimensions turns with the position, and how contexts longer than the pretrained one stretch
 * that. In steps of f32, as transformers computes them (`modeling_rope_utils.py`), so that angles agree far from position 0.
 */

/** A stretch of the pretrained context. `null` in a config: none. */
export type RopeScaling = LinearScaling | Llama3Scaling | YarnScaling;

/** Positions divided by `factor` (Chen et al. 2023, https://arxiv.org/abs/2306.15595 §2.3). */
export interface LinearScaling {
  readonly type: "linear";
  readonly factor: number;
}

/** Llama 3.1: slow pairs divided by `factor`, fast ones kept, a linear blend between them. */
export interface Llama3Scaling {
  readonly type: "llama3";
  readonly factor: number;
  /** Turns within the pretrained context below which a pair is slow, and above which it is fast. */
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  /** Tokens. */
  readonly originalPositions: number;
}

/** Peng et al. 2023, https://arxiv.org/abs/2309.00071 §3.2: as llama3, blended over dimensions, with sharper attention. */
export interface YarnScaling {
  readonly type: "yarn";
  readonly factor: number;
  /** Tokens. */
  readonly originalPositions: number;
  /** Turns within the pretrained context above which a pair is kept, and below which it is divided. */
  readonly betaFast: number;
  readonly betaSlow: number;
  /** The blend begins and ends at whole dimensions. */
  readonly truncate: boolean;
  /** Multiplies cosines and sines, so its square multiplies the scores (the paper's 1/t, §3.3). */
  readonly attentionFactor: number;
}

/** What a config says about rotary positions. */
export interface RopeConfig {
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
}

export interface RopeFrequencies {
  /** [headDim / 2] radians a position */
  readonly inverse: Float32Array;
  /** Multiplies cosines and sines. */
  readonly attentionFactor: number;
}

/** theta^(-2i/headDim) (Su et al. 2021, https://arxiv.org/abs/2104.09864 §3.2.2), scaled as the config asks. */
export function ropeFrequencies(headDim: number, { ropeTheta, ropeScaling }: RopeConfig): RopeFrequencies {
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / f32(ropeTheta ** f32((2 * i) / headDim)));
  switch (ropeScaling?.type) {
    case undefined:
      return { inverse: plain, attentionFactor: 1 };
    case "linear":
      return { inverse: plain.map((frequency) => frequency / ropeScaling.factor), attentionFactor: 1 };
    case "llama3":
      return { inverse: plain.map((frequency) => llama3(frequency, ropeScaling)), attentionFactor: 1 };
    case "yarn":
      return { inverse: yarn(plain, ropeTheta, ropeScaling), attentionFactor: ropeScaling.attentionFactor };
  }
}

const f32 = Math.fround;

function llama3(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFreqFactor, highFreqFactor, originalPositions } = scaling;
  const turns = originalPositions / ((2 * Math.PI) / frequency);
  if (turns < lowFreqFactor) return frequency / factor;
  if (turns > highFreqFactor) return frequency;
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

function yarn(plain: Float32Array, theta: number, scaling: YarnScaling): Float32Array {
  const { factor, originalPositions, betaFast, betaSlow, truncate } = scaling;
  const dims = 2 * plain.length;
  /** The dimension whose pair makes so many turns within the pretrained context. */
  const dimensionOf = (turns: number) =>
    (dims * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimensionOf(betaFast), dimensionOf(betaSlow)];
  const from = Math.max(truncate ? Math.floor(first) : first, 0);
  const to = Math.min(truncate ? Math.ceil(last) : last, dims - 1);
  const span = to === from ? 0.001 : to - from; // the reference's guard against 0/0
  return plain.map((frequency, i) => {
    const divided = Math.min(Math.max((i - from) / span, 0), 1);
    return (frequency / factor) * divided + frequency * (1 - divided);
  });
}

/** The attention factor that YaRN's paper proposes for a stretch (§3.3): 0.1 · mscale · ln(factor) + 1. */
export function yarnMagnitude(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}
