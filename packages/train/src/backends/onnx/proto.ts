/**
 * Writes ONNX models: the few protobuf messages of onnx.proto3 that a graph of plain ops needs.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */
import { InternalError } from "@gitune/core";
import type { DType } from "../../ir/dtype.js";
import { Message } from "../../protobuf/message.js";

/** TensorProto.DataType */
const DATA_TYPE: { readonly [K in DType]: number } = { f32: 1, u8: 2, i8: 3, i64: 7, f16: 10, bf16: 16 };
/** AttributeProto.AttributeType */
const FLOAT = 1;
const INT = 2;
const INTS = 7;
const STRING = 3;
/** TensorProto.DataLocation.EXTERNAL */
const EXTERNAL = 1;
/** IR version 10 came with ONNX 1.16; opset 21 (same release) has all the ops used here. */
const IR_VERSION = 10;
const OPSET = 21;

/** A whole number is an INT unless wrapped, since protobuf's attributes are typed and JavaScript's numbers are not. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  /** Empty for standard ONNX, `com.microsoft` for ONNX Runtime's own ops. */
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes inside the model, or where they lie in a file beside it. */
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  /** A text names a size that only a run knows. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Values in between whose shape is known. */
  readonly values?: readonly OnnxValue[];
}

export function encodeModel(model: OnnxModel): Uint8Array {
  const graph = new Message();
  for (const node of model.nodes) graph.message(1, encodeNode(node));
  graph.string(2, "gitune");
  for (const tensor of model.initializers) graph.message(5, encodeTensor(tensor));
  for (const value of model.inputs) graph.message(11, encodeValue(value));
  for (const value of model.outputs) graph.message(12, encodeValue(value));
  for (const value of model.values ?? []) graph.message(13, encodeValue(value));

  const out = new Message();
  out.int(1, IR_VERSION);
  out.string(2, "gitune");
  out.message(7, graph);
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
  ] as const) {
    const opset = new Message();
    opset.string(1, domain);
    opset.int(2, version);
    out.message(8, opset);
  }
  return out.finish();
}

function encodeNode(node: OnnxNode): Message {
  const out = new Message();
  for (const name of node.inputs) out.string(1, name);
  for (const name of node.outputs) out.string(2, name);
  out.string(3, node.name);
  out.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) out.message(5, encodeAttribute(name, value));
  if (node.domain) out.string(7, node.domain);
  return out;
}

function encodeAttribute(name: string, value: OnnxAttribute): Message {
  const out = new Message();
  out.string(1, name);
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw new InternalError(`attribute ${name} = ${value} must be wrapped as a float`);
    out.int(3, value);
    out.int(20, INT);
  } else if (typeof value === "string") {
    out.string(4, value);
    out.int(20, STRING);
  } else if ("float" in value) {
    out.float(2, value.float);
    out.int(20, FLOAT);
  } else {
    for (const item of value) out.int(8, item);
    out.int(20, INTS);
  }
  return out;
}

function encodeTensor({ name, dtype, shape, data }: OnnxTensor): Message {
  const out = new Message();
  for (const dim of shape) out.int(1, dim);
  out.int(2, DATA_TYPE[dtype]);
  out.string(8, name);
  if (data instanceof Uint8Array) {
    out.bytes(9, data);
    return out;
  }
  for (const [key, value] of Object.entries(data)) {
    const entry = new Message();
    entry.string(1, key);
    entry.string(2, String(value));
    out.message(13, entry);
  }
  out.int(14, EXTERNAL);
  return out;
}

function encodeValue({ name, dtype, shape }: OnnxValue): Message {
  const dims = new Message();
  for (const size of shape) {
    const dim = new Message();
    if (typeof size === "number") dim.int(1, size);
    else dim.string(2, size);
    dims.message(1, dim);
  }
  const tensor = new Message();
  tensor.int(1, DATA_TYPE[dtype]);
  tensor.message(2, dims);
  const type = new Message();
  type.message(1, tensor);
  const out = new Message();
  out.string(1, name);
  out.message(2, type);
  return out;
}
