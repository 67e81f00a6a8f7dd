/**
 * The seam between the loop (data order, accumulation, checkpoints) and the compiled graphs.
 * The loop knows no op and no backend; a program knows no row and no file.
 */

/** One pass: lanes of tokens, each with one row or several behind each other, right-padded. */
export interface MicroBatch {
  /** Lanes. */
  readonly batch: number;
  /** Tokens a lane, padding included; batch * length >= `LEAST_TOKENS`. */
  readonly length: number;
  /** [batch * length] token ids */
  readonly ids: BigInt64Array;
  /** [batch * length] each token's place in its own row, from 0 */
  readonly positionIds: BigInt64Array;
  /** [batch * length] the place in the lane at which the token's row starts: attention never looks before it. */
  readonly rowStarts: Float32Array;
  /** [labels] places in the flattened [batch * length] whose hidden state predicts the label: the label's own - 1. */
  readonly positions: BigInt64Array;
  /** [labels] token ids */
  readonly labels: BigInt64Array;
  /** [labels] weights; the step's weights over all its micro-batches sum to 1. */
  readonly weights: Float32Array;
  /** [batch * length] what a token's dropout is drawn from: its step, its row and its place there decide, no lane does. */
  readonly dropoutSeeds: Int32Array;
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
