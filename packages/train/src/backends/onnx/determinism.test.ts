import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../../autodiff/grad.js";
import { PlaceFeeds, passFeeds, wholeBlocks } from "../../engine/pass-feeds.js";
import { Graph, type Node } from "../../ir/node.js";
import type { LlamaConfig } from "../../models/llama/config.js";
import { llamaTensors } from "../../models/llama/tensors.js";
import { llamaLoss } from "../../models/llama/training.js";
import { f32Product, type Params } from "../../nn/params.js";
import { add, div, exp, log, sqrt } from "../../ops/elementwise.js";
import { scatterAddRows } from "../../ops/gather.js";
import { constant, input } from "../../ops/leaf.js";
import { matMul } from "../../ops/matmul.js";
import { concat, reshape, slice } from "../../ops/movement.js";
import { rmsNorm } from "../../ops/norm.js";
import { sum, sumAll } from "../../ops/reduce.js";
import { softmax } from "../../ops/softmax.js";
import { swiglu } from "../../ops/swiglu.js";
import { adamW } from "../../optim/adamw.js";
import { goldenFeeds, goldenTrainingGraph, readGolden } from "../../testing/llama-golden.js";
import { randomFrom, uniform } from "../../testing/random.js";
import { rowLanes } from "../../testing/row-lanes.js";
import { TINY, VARIED } from "../../testing/tiny-base.js";
import type { CompileOptions, Feeds } from "../backend.js";
import { onnxBackend } from "./session.js";

/** The promise: same commit, same seed, same bytes, whatever the number of threads. */
async function assertSameBytes(
  make: () => Record<string, Node>,
  feeds: Feeds,
  { counts = [1, 2, 3, 4], ...options }: CompileOptions & { readonly counts?: readonly number[] } = {},
): Promise<void> {
  const results: Record<string, Buffer>[] = [];
  for (const threads of counts) {
    const program = await onnxBackend({ threads }).compile(make(), options);
    try {
      const out = await program.run(feeds);
      results.push(
        Object.fromEntries(
          Object.entries(out).map(([name, { data }]) => [
            name,
            Buffer.from(data.buffer, data.byteOffset, data.byteLength),
          ]),
        ),
      );
    } finally {
      await program.close();
    }
  }
  for (const result of results.slice(1)) {
    for (const [name, bytes] of Object.entries(result)) {
      assert.ok(bytes.equals(results[0]![name]!), `${name} depends on the number of threads`);
      assert.ok(bytes.some((byte) => byte !== 0));
    }
  }
}

const vector = (name: string, size: number, from = -1, to = 1) => ({
  data: uniform(name, size, from, to),
  shape: [size],
});

function indices(count: number, below: number) {
  const random = randomFrom("indices");
  return { data: BigInt64Array.from({ length: count }, () => BigInt(Math.floor(random() * below))), shape: [count] };
}

describe("one to four threads give the same bytes", () => {
  test("the optimizer over 1,200,007 values, with its gradient norm", () => {
    const size = 1_200_007;
    const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 };
    return assertSameBytes(() => ({ ...adamW(new Graph(), size, options) }), {
      theta: vector("theta", size),
      m: vector("m", size),
      v: vector("v", size, 0, 1),
      grad: vector("grad", size),
      decay: { data: new Float32Array(size).fill(1), shape: [size] },
      hyper: { data: Float32Array.of(1e-3, 0.1, 0.001), shape: [3] },
    });
  });

  test("sums over every kind of axis", () => {
    const shape = [67, 129, 130];
    return assertSameBytes(
      () => {
        const x = input(new Graph(), "x", shape);
        return { all: sumAll(x), first: sum(x, [0]), middle: sum(x, [1]), last: sum(x, [2]), outer: sum(x, [0, 2]) };
      },
      { x: { data: uniform("x", 67 * 129 * 130), shape } },
    );
  });

  for (const [title, m, k, n] of [
    ["fewer rows than columns, a long sum", 60, 300, 96],
    ["few rows", 8, 600, 128],
    ["wider than the two halves of it", 100, 600, 320],
    ["tall", 300, 600, 64],
  ] as const) {
    test(`products: ${title}`, () => {
      const shapes = { a: [m, k], aT: [k, m], b: [k, n], bT: [n, k], c: [m, n], batch: [2, m, k] };
      const feeds = Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [
          name,
          {
            data: uniform(
              name,
              shape.reduce((x, y) => x * y, 1),
            ),
            shape,
          },
        ]),
      );
      const make = () => {
        const graph = new Graph();
        const fed = (name: keyof typeof shapes) => input(graph, name, shapes[name]);
        const frozen = constant(graph, uniform("b", k * n), shapes.b, "frozen");
        return {
          plain: matMul(fed("a"), fed("b")),
          transB: matMul(fed("a"), fed("bT"), { transB: true, alpha: 0.5 }),
          transA: matMul(fed("aT"), fed("b"), { transA: true }),
          both: matMul(fed("aT"), fed("bT"), { transA: true, transB: true }),
          gemm: add(matMul(fed("a"), fed("bT"), { transB: true }), fed("c")),
          batched: matMul(fed("batch"), fed("b")),
          frozen: matMul(fed("a"), frozen),
        };
      };
      return assertSameBytes(make, feeds);
    });
  }

  test("products with weights that stay in their files, on one to twelve threads", () => {
    const [rows, inner, columns, few] = [60, 600, 576, 192];
    const make = () => {
      const graph = new Graph();
      const x = input(graph, "x", [rows, inner]);
      const frozen = (name: string, width: number) =>
        constant(graph, uniform(name, width * inner), [width, inner], name);
      return {
        wide: matMul(x, frozen("wide", columns), { transB: true }),
        narrow: matMul(x, frozen("narrow", few), { transB: true }),
      };
    };
    const feeds = { x: { data: uniform("x", rows * inner), shape: [rows, inner] } };
    return assertSameBytes(make, feeds, { counts: [1, 2, 3, 7, 8, 12], weights: "mapped", columns });
  });

  test("elementwise ops, softmax and norms", () => {
    const [rows, width] = [613, 1013];
    return assertSameBytes(
      () => {
        const graph = new Graph();
        const x = input(graph, "x", [rows, width]);
        const w = input(graph, "w", [width]);
        // A step takes as many logarithms as it has labels. Over some 10,000 values log does depend on the threads
        // (Eigen computes the ends of their parts in another way), but it reaches the reported loss alone.
        const labels = reshape(slice(reshape(x, [rows * width]), 0, 0, 4096), [4096, 1]);
        return {
          exp: exp(x),
          swiglu: swiglu(x, exp(x)),
          quotient: div(x, exp(x)),
          root: sqrt(exp(x)),
          softmax: softmax(x),
          norm: rmsNorm(x, w, 1e-5),
          log: log(exp(labels)),
        };
      },
      { x: { data: uniform("x", rows * width, -6, 6), shape: [rows, width] }, w: vector("w", width) },
    );
  });

  test("20,000 rows scattered onto 50", () => {
    const [rows, width] = [20_000, 64];
    return assertSameBytes(
      () => {
        const graph = new Graph();
        return { y: scatterAddRows(input(graph, "x", [rows, width]), input(graph, "index", [rows], "i64"), 50) };
      },
      { x: { data: uniform("x", rows * width), shape: [rows, width] }, index: indices(rows, 50) },
    );
  });

  test("the golden Llama's LoRA step", async () => {
    const golden = await readGolden("tied/lora-all");
    const theta = { data: golden.start, shape: [golden.size] };
    await assertSameBytes(() => ({ ...goldenTrainingGraph(golden) }), { ...goldenFeeds(golden), theta });
  });

  const small = { heads: { kvHeads: 2, headDim: 32 }, pass: { batch: 3, length: 61 }, blocks: 1 };
  const models = [
    { variant: "the plain one", tiny: TINY, ...small },
    { variant: "the most varied one", tiny: VARIED, ...small },
    // A block has fewer queries than a head is wide, and its last one more than 128 keys.
    {
      variant: "in blocks",
      tiny: VARIED,
      heads: { kvHeads: 6, headDim: 64 },
      pass: { batch: 2, length: 160 },
      blocks: 4,
    },
    {
      variant: "grouped, in blocks",
      tiny: TINY,
      heads: { kvHeads: 2, headDim: 64 },
      pass: { batch: 1, length: 301 },
      blocks: 4,
    },
  ];
  for (const { variant, tiny, heads, pass, blocks } of models) {
    test(`every gradient of a Llama of 2 layers that is large enough to be split: ${variant}`, async () => {
      const config: LlamaConfig = {
        ...tiny,
        hiddenSize: 192,
        intermediateSize: 512,
        heads: 6,
        ...heads,
        vocabSize: 1500,
        maxPositions: 512,
      };
      const tensors = llamaTensors(config).map(({ name, shape }) => ({
        name,
        shape,
        size: shape.reduce((a, b) => a * b, 1),
      }));
      const size = tensors.reduce((total, tensor) => total + tensor.size, 0);
      const labels = 150;
      const make = (): Record<string, Node> => {
        const graph = new Graph();
        const theta = input(graph, "theta", [size]);
        let offset = 0;
        const parts = new Map<string, Node>();
        for (const tensor of tensors) {
          parts.set(tensor.name, reshape(slice(theta, 0, offset, offset + tensor.size), tensor.shape));
          offset += tensor.size;
        }
        const tensor: Params["tensor"] = (name) => parts.get(name)!;
        const loss = llamaLoss(graph, config, { tensor, product: f32Product(tensor), update: () => null }, blocks);
        const grads = gradients(loss, [...parts.values()]);
        return {
          loss,
          grad: concat(
            grads.map((grad, i) => reshape(grad, [tensors[i]!.size])),
            0,
          ),
        };
      };
      await assertSameBytes(make, {
        theta: vector("theta", size, -0.1, 0.1),
        ...passFeeds(
          wholeBlocks(
            rowLanes({
              ...pass,
              ids: indices(pass.batch * pass.length, 40).data,
              positions: indices(labels, pass.batch * pass.length).data,
              labels: indices(labels, config.vocabSize).data,
            }),
            blocks,
          ),
          new PlaceFeeds(config),
          blocks,
        ),
      });
    });
  }
});
