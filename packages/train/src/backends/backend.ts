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

export interface CompileOptions {
  /**
   * `packed` (the default): a copy of every frozen weight, made once, in the order in which products read it: right for
   * passes of few rows. `mapped`: weights stay in their files, and each product orders what it reads: right where hundreds of
   * rows use it; no copies in memory, and a program that is ready sooner. A hint: a backend may have one way only.
   */
  readonly weights?: WeightPlace;
  /** Columns of the products that matter: no more threads than split these without another rounding. */
  readonly columns?: number;
}

export type WeightPlace = "packed" | "mapped";

export interface Backend {
  readonly name: string;
  compile(outputs: Readonly<Record<string, Node>>, options?: CompileOptions): Promise<Executable>;
}
