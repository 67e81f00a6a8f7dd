/** gitune's side of `generate`: greedy, every prompt to the same number of tokens. */
import { decodeSpec, engineThread } from "./gitune-api.mjs";
import { memory, serve } from "./serve.mjs";

const settings = JSON.parse(process.argv[2]);
const thread = engineThread(settings);
await thread.call("openDecode", [await decodeSpec(settings)]);

await serve({
  generate: async ({ prompts, tokens }) => {
    const started = performance.now();
    const options = { maxNewTokens: tokens, temperature: 0, topP: 1, topK: 0, seed: 0, eosIds: [] };
    const raw = await thread.call("decode", [prompts.map((ids) => Int32Array.from(ids)), options]);
    return { seconds: (performance.now() - started) / 1000, ids: raw.map(({ ids }) => [...ids]), memory: memory() };
  },
});
await thread.close();
