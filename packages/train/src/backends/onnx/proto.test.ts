import assert from "node:assert/strict";
import { test } from "node:test";
import { InternalError } from "@gitune/core";
import * as ort from "onnxruntime-node";
import { encodeModel, type OnnxModel } from "./proto.js";

const bytesOf = (data: Float32Array | BigInt64Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** ONNX Runtime reads what we write: every attribute type, both element types, long and negative integers. */
test("a model with every kind of field loads and runs", async () => {
  const long = 20_000; // a dimension and a length of three varint bytes
  const model: OnnxModel = {
    inputs: [
      { name: "x é", dtype: "f32", shape: [2, 3] },
      { name: "index", dtype: "i64", shape: [2] },
    ],
    outputs: [
      { name: "product", dtype: "f32", shape: [2, 2] },
      { name: "mean", dtype: "f32", shape: [2, 1] },
      { name: "leaky", dtype: "f32", shape: [2, 3] },
      { name: "picked", dtype: "f32", shape: [2] },
      { name: "turned", dtype: "f32", shape: [3, 2] },
      { name: "fused", dtype: "f32", shape: [2, 2] },
    ],
    initializers: [
      { name: "w", dtype: "f32", shape: [3, 2], data: bytesOf(Float32Array.of(1, -2, 3, -4, 5, -6)) },
      { name: "axes", dtype: "i64", shape: [1], data: bytesOf(BigInt64Array.of(-1n)) },
      { name: "long", dtype: "f32", shape: [long], data: bytesOf(Float32Array.from({ length: long }, (_, i) => i)) },
    ],
    nodes: [
      // STRING
      { op: "Einsum", name: "a", inputs: ["x é", "w"], outputs: ["product"], attributes: { equation: "ij,jk->ik" } },
      // INT
      { op: "ReduceMean", name: "b", inputs: ["x é", "axes"], outputs: ["mean"], attributes: { keepdims: 1 } },
      // FLOAT, also where its value is whole
      { op: "LeakyRelu", name: "c", inputs: ["x é"], outputs: ["leaky"], attributes: { alpha: { float: 2 } } },
      // a negative INT takes ten bytes
      { op: "Gather", name: "d", inputs: ["long", "index"], outputs: ["picked"], attributes: { axis: -1 } },
      // INTS
      { op: "Transpose", name: "e", inputs: ["x é"], outputs: ["turned"], attributes: { perm: [1, 0] } },
      // another domain
      {
        op: "FusedMatMul",
        domain: "com.microsoft",
        name: "f",
        inputs: ["x é", "x é"],
        outputs: ["fused"],
        attributes: { transB: 1, alpha: { float: 0.5 } },
      },
    ],
  };
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 3 });
  assert.deepEqual(session.inputNames, ["x é", "index"]);
  assert.deepEqual([...session.outputNames].sort(), model.outputs.map(({ name }) => name).sort());
  const metadata = session.inputMetadata.find(({ name }) => name === "x é") as ort.InferenceSession.TensorValueMetadata;
  assert.equal(metadata.type, "float32");
  assert.deepEqual([...metadata.shape], [2, 3]);
  const out = await session.run({
    "x é": new ort.Tensor("float32", Float32Array.of(1, 2, 3, -1, 0, 1), [2, 3]),
    index: new ort.Tensor("int64", BigInt64Array.of(19_999n, -2n), [2]),
  });
  const values = (name: string) => [...(out[name]!.data as Float32Array)];
  assert.deepEqual(values("product"), [22, -28, 4, -4]);
  assert.deepEqual(values("mean"), [2, 0]);
  assert.deepEqual(values("leaky"), [1, 2, 3, -2, 0, 1]);
  assert.deepEqual(values("picked"), [19_999, 19_998]);
  assert.deepEqual(values("turned"), [1, -1, 2, 0, 3, 1]);
  assert.deepEqual(values("fused"), [7, 1, 1, 1]);
  await session.release();
});

test("the same model is the same bytes", () => {
  const model: OnnxModel = { nodes: [], initializers: [], inputs: [], outputs: [] };
  // ir_version 10, producer "gitune", a graph with its name only, two opsets.
  assert.equal(
    Buffer.from(encodeModel(model)).toString("hex"),
    "080a120667" +
      "6974756e65" +
      "3a08120667" +
      "6974756e65" +
      "42040a001015" +
      "42110a0d636f6d2e6d6963726f736f66741001",
  );
});

test("a fraction must say that it is a float", () => {
  const node = { op: "LeakyRelu", name: "n", inputs: ["x"], outputs: ["y"], attributes: { alpha: 0.5 } };
  assert.throws(() => encodeModel({ nodes: [node], initializers: [], inputs: [], outputs: [] }), InternalError);
});
