/** What runs a graph. `reference` is the oracle, `onnx` the one that works. */
import type { Node } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";

export type TensorData = Float32Array | BigInt64Array | Uint8Array;

export interface Tensor {
  readonly data: TensorData;
  readonly shape: Shape;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/** A graph, ready to run. */
export interface Executable {
  /** Feeds every input by name; `into` may give the tensors that outputs are written to. */
  run(feeds: Feeds, into?: Feeds): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

export interface Backend {
  readonly name: string;
  compile(outputs: Readonly<Record<string, Node>>): Promise<Executable>;
}
