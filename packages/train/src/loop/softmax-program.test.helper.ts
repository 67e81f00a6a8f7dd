/**
 * A small real model for tests of the loop: a bigram table, logits of the next token = W[token before]. Softmax
 * regression with AdamW and clipping, in float64, one order of summation: an honest `TrainProgram` without an engine.
 */
import type { MicroBatch, OptimizerState, TrainProgram } from "./program.js";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
const MAX_GRAD_NORM = 1;

export interface SoftmaxOptions {
  /** Ids are below this. */
  readonly vocabSize: number;
  /** Called before each step, e.g. to wait or to fail. */
  readonly beforeStep?: (step: number) => Promise<void> | void;
}

/** @returns a program with one tensor, `table.weight` [vocab, vocab] */
export function softmaxProgram({ vocabSize, beforeStep }: SoftmaxOptions): TrainProgram {
  const size = vocabSize * vocabSize;
  return {
    tensors: [{ name: "table.weight", shape: [vocabSize, vocabSize], offset: 0, size }],
    size,
    initialize: async (seed) => Float32Array.from({ length: size }, (_, index) => Math.sin(seed + index) * 0.01),
    step: async (state, batches, learningRate) => {
      await beforeStep?.(state.step);
      const gradient = new Float64Array(size);
      const loss = batches.reduce((sum, batch) => sum + lossOf(state.theta, batch, vocabSize, gradient), 0);
      const gradNorm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      return { state: adamW(state, gradient, gradNorm, learningRate), loss, gradNorm };
    },
    loss: async (theta, batch) => lossOf(theta, batch, vocabSize, null),
    close: async () => undefined,
  };
}

function lossOf(theta: Float32Array, batch: MicroBatch, vocabSize: number, gradient: Float64Array | null): number {
  let loss = 0;
  for (const [index, weight] of batch.weights.entries()) {
    if (weight === 0) continue;
    const before = Number(batch.ids[Number(batch.positions[index])]);
    const label = Number(batch.labels[index]);
    const row = theta.subarray(before * vocabSize, (before + 1) * vocabSize);
    const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const exponentials = Float64Array.from(row, (logit) => Math.exp(logit - max));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    loss -= weight * Math.log((exponentials[label] ?? 0) / sum);
    if (gradient === null) continue;
    for (const [column, exponential] of exponentials.entries()) {
      gradient[before * vocabSize + column]! += weight * (exponential / sum - (column === label ? 1 : 0));
    }
  }
  return loss;
}

function adamW(state: OptimizerState, gradient: Float64Array, gradNorm: number, learningRate: number): OptimizerState {
  const step = state.step + 1;
  const clip = Math.min(1, MAX_GRAD_NORM / (gradNorm + 1e-6));
  const m = state.m.map((value, index) => BETA1 * value + (1 - BETA1) * clip * (gradient[index] ?? 0));
  const v = state.v.map((value, index) => BETA2 * value + (1 - BETA2) * (clip * (gradient[index] ?? 0)) ** 2);
  const theta = state.theta.map((value, index) => {
    const mean = (m[index] ?? 0) / (1 - BETA1 ** step);
    const variance = (v[index] ?? 0) / (1 - BETA2 ** step);
    return value - (learningRate * mean) / (Math.sqrt(variance) + EPSILON);
  });
  return { theta, m, v, step };
}
