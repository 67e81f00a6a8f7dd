/**
 * The seam between the loop (data order, accumulation, checkpoints) and the compiled graphs.
 * The loop knows no op and no backend; a program knows no row and no file.
 */

/** One padded pass. Positions index the flattened [batch * length] tokens. */
export interface MicroBatch {
  /** Sequences. */
  readonly batch: number;
  /** Tokens a sequence, padding included (right-padded; causal attention never looks at it). */
  readonly length: number;
  /** [batch * length] token ids */
  readonly ids: BigInt64Array;
  /** [labels] positions whose hidden state predicts the label: the label's own position - 1. */
  readonly positions: BigInt64Array;
  /** [labels] token ids */
  readonly labels: BigInt64Array;
  /** [labels] weights; the step's weights over all its micro-batches sum to 1; padding labels have weight 0. */
  readonly weights: Float32Array;
  /** Seed of this pass's dropout masks. */
  readonly dropoutSeed: number;
}

/** All that AdamW carries between steps. Vectors are flat over every trainable tensor, f32. */
export interface OptimizerState {
  readonly theta: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Optimizer steps done. */
  readonly step: number;
}

export interface TrainableTensor {
  /** E.g. `model.layers.0.self_attn.q_proj.lora_A.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Into the flat vector, in elements. */
  readonly offset: number;
  readonly size: number;
}

export interface TrainProgram {
  readonly tensors: readonly TrainableTensor[];
  /** Length of the flat vector. */
  readonly size: number;
  /** The initial flat vector, a pure function of the seed. */
  initialize(seed: number): Promise<Float32Array>;
  /**
   * One optimizer step: gradients of the weighted loss over all micro-batches, clipping, AdamW.
   * @param learningRate of this step, from the schedule
   * @returns the new state, the step's loss (weighted mean over labels, nats) and the gradient's norm before clipping
   */
  step(
    state: OptimizerState,
    batches: readonly MicroBatch[],
    learningRate: number,
  ): Promise<{ readonly state: OptimizerState; readonly loss: number; readonly gradNorm: number }>;
  /** The weighted loss of one pass, dropout off, nothing updated. */
  loss(theta: Float32Array, batch: MicroBatch): Promise<number>;
  close(): Promise<void>;
}
