/** Between the engine's arrays and TensorFlow.js's tensors. */

import { InternalError } from "@gitune/core";
import type { Tensor as TfTensor } from "@tensorflow/tfjs-core";
import type { DType } from "../../ir/dtype.js";
import type { Tensor, TensorData } from "../backend.js";
import type { Tf } from "./load.js";

/** A tensor of the values; on the cpu backend it may share the array. */
export function toTf(tf: Tf, { data, shape }: Tensor): TfTensor {
  if (data instanceof BigInt64Array) return tf.tensor(toInt32(data), [...shape], "int32");
  return tf.tensor(data, [...shape], data instanceof Uint8Array ? "int32" : "float32");
}

/** The values, in `into` or in an array of their own. */
export function fromTf(tensor: TfTensor, dtype: DType, into: TensorData | undefined): Tensor {
  const values = tensor.dataSync();
  const data = into ?? (dtype === "i64" ? new BigInt64Array(values.length) : new Float32Array(values.length));
  if (data instanceof BigInt64Array) for (const [i, value] of values.entries()) data[i] = BigInt(value);
  else data.set(values);
  return { data, shape: tensor.shape };
}

/** TensorFlow.js has no 64-bit integers. Ids, positions and rows are far below 2^31. */
function toInt32(data: BigInt64Array): Int32Array {
  const out = new Int32Array(data.length);
  for (const [i, value] of data.entries()) {
    out[i] = Number(value);
    if (BigInt(out[i]!) !== value) throw new InternalError(`${value} does not fit into 32 bits`);
  }
  return out;
}
