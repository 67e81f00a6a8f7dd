/** llama.cpp's side of `generate`, through node-llama-cpp: several sequences of one context, its own batching. */
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { memory, serve } from "./serve.mjs";

const { gguf, threads, batch, contextSize } = JSON.parse(process.argv[2]);

/** Tokens a pass of llama.cpp takes at once: its own default. */
const PASS_TOKENS = 512;

await serve(async () => {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
    progressLogs: false,
  });
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const context = await model.createContext({
    sequences: batch,
    contextSize,
    batchSize: PASS_TOKENS,
    threads: { ideal: threads, min: threads },
  });
  const sequences = Array.from({ length: batch }, () => context.getSequence());
  return {
    generate: async ({ prompts, tokens }) => {
      const queue = prompts.map((_, row) => row).sort((a, b) => prompts[b].length - prompts[a].length || b - a);
      const ids = new Array(prompts.length);
      const started = performance.now();
      await Promise.all(sequences.map((sequence) => work(sequence, prompts, queue, tokens, ids)));
      return { seconds: (performance.now() - started) / 1000, ids, memory: memory() };
    },
  };
});

/** A sequence takes prompts from the queue until it is empty: none waits for another's end. */
async function work(sequence, prompts, queue, tokens, out) {
  for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
    const made = [];
    for await (const token of sequence.evaluate(prompts[row], { temperature: 0, yieldEogToken: true })) {
      made.push(token);
      if (made.length === tokens) break;
    }
    out[row] = made;
    await sequence.clearHistory();
  }
}
