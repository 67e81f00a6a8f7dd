/** gitune's side of `generate`: greedy, every prompt to the same number of tokens. */
import { decodeSpec, engineThread } from "./gitune-api.mjs";
import { memory, serve } from "./serve.mjs";

const settings = JSON.parse(process.argv[2]);

await serve(async () => {
  const thread = engineThread(settings);
  await thread.call("openDecode", [await decodeSpec(settings)]);
  return {
    generate: async ({ prompts, tokens }) => {
      const started = performance.now();
      const options = { maxNewTokens: tokens, temperature: 0, topP: 1, topK: 0, seed: 0, eosIds: [] };
      const raw = await thread.call("decode", [prompts.map((ids) => Int32Array.from(ids)), options]);
      const seconds = (performance.now() - started) / 1000;
      return { seconds, ids: raw.map(({ ids }) => [...ids]), memory: memory() };
    },
  };
});
