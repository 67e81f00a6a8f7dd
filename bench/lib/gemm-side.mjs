/** ONNX Runtime's rate of matrix products: a chain of them in one graph, so that little but products is timed. */
import { Graph, input, matMul, onnxBackend } from "./gitune-api.mjs";
import { serve } from "./serve.mjs";

const { threads, shapes } = JSON.parse(process.argv[2]);
const REPEATS = 8;

await serve(async () => {
  const backend = onnxBackend({ threads, providers: ["cpu"] });
  const [rows, width] = shapes[0];
  const random = (count) => Float32Array.from({ length: count }, () => Math.random() - 0.5);
  const graph = new Graph();
  const feeds = { x: { data: random(rows * width), shape: [rows, width] } };
  for (const [i, [, k, n]] of shapes.entries()) feeds[`w${i}`] = { data: random(n * k), shape: [n, k] };
  // Each product's output is the next one's input: the shapes lead back to where they began.
  const weights = shapes.map(([, k, n], i) => input(graph, `w${i}`, [n, k]));
  let y = input(graph, "x", [rows, width]);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const weight of weights) y = matMul(y, weight, { transB: true, alpha: 0.01 });
  }
  const session = await backend.compile({ y });
  const flops = REPEATS * shapes.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0);
  await session.run(feeds);
  return {
    rate: async ({ seconds }) => {
      let done = 0;
      const started = performance.now();
      while (performance.now() - started < seconds * 1000) {
        await session.run(feeds);
        done += flops;
      }
      return { gflops: done / (performance.now() - started) / 1e6 };
    },
  };
});
