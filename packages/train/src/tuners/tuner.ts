/** What a technique trains: which tensors, from which start, and how they enter the model. */
import type { Node } from "../ir/node.js";
import type { TrainableTensor } from "../loop/program.js";
import type { Params } from "../nn/params.js";

/** The frozen tensors of a base in one graph. */
export type FrozenWeights = Pick<Params, "tensor" | "product">;

export interface TrainableInputs {
  /** [size] f32: the flat vector of every trainable tensor. */
  readonly theta: Node;
  /** A module's [tokens, width] flags, 1 where an input is kept (u8); null outside training or without dropout. */
  readonly dropout: ((module: string, width: number) => Node) | null;
}

export interface Dropout {
  /** Of dropped values, in (0, 1). */
  readonly rate: number;
  /** Modules whose inputs are dropped, each on its own. */
  readonly modules: readonly { readonly module: string; readonly width: number }[];
}

export interface Tuner {
  /** In the order of the flat vector. */
  readonly tensors: readonly TrainableTensor[];
  /** Length of the flat vector. */
  readonly size: number;
  /** An untrained update changes nothing. */
  readonly startsAsIdentity: boolean;
  /** [size]: 1 where weight decay applies, else 0. */
  decayMask(): Float32Array;
  /** The flat vector before the first step. @param uniform draws from [0, 1) */
  initialize(uniform: () => number): Float32Array;
  /** What dropout is drawn for while training; null without dropout. */
  readonly dropout: Dropout | null;
  /** The model's parameters: frozen tensors, trainable slices of theta, or both. */
  params(frozen: FrozenWeights, inputs: TrainableInputs): Params;
}
