/** gitune's side of `generate`: greedy, every prompt to the same number of tokens. */
import { decodeSpec, engineThread, greedy } from "./gitune-api.mjs";
import { memory, serve } from "./serve.mjs";

const settings = JSON.parse(process.argv[2]);

await serve(async () => {
  const thread = await engineThread(settings);
  await thread.call("openDecode", [await decodeSpec(settings)]);
  return {
    generate: async ({ prompts, tokens }) => {
      const started = performance.now();
      const raw = await thread.call("decode", [prompts.map((ids) => Int32Array.from(ids)), greedy(tokens)]);
      const seconds = (performance.now() - started) / 1000;
      return { seconds, ids: raw.map(({ ids }) => [...ids]), memory: memory() };
    },
  };
});
