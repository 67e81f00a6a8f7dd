import type { RopeConfig } from "../../nn/rope-frequencies.js";

/** The sizes and constants of a decoder of Llama's architecture, and where families depart from the first one. */
export interface LlamaConfig extends RopeConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Tokens. */
  readonly maxPositions: number;
  readonly normEps: number;
  /** The head is the embedding matrix. */
  readonly tiedHead: boolean;
  /** Biases of q_proj, k_proj and v_proj; of o_proj; of gate_proj, up_proj and down_proj. */
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  /** Queries and keys are normed head by head before they turn. */
  readonly qkNorm: boolean;
  /** For each layer, how many tokens back a query sees, itself included; null: all. */
  readonly windows: readonly (number | null)[];
}
