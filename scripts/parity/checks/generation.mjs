/** 100 real prompts: 64 tokens each, greedy, as transformers' `generate` gives them. */
import { join } from "node:path";
import { defaultThreads, engineSettings } from "../../../packages/train/dist/device.js";
import { EngineThread } from "../../../packages/train/dist/engine/client.js";
import { runPeer } from "../peer.mjs";
import { realRows, spread } from "../rows.mjs";

const PROMPTS = 100;
const MAX_PROMPT_TOKENS = 96;
const NEW_TOKENS = 64;
const BATCH = 20;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function generation(context) {
  const { environment, say } = context;
  const base = await context.openBase(environment.hf);
  const { tokenizer } = base;
  const encoded = (await realRows(context))
    .filter(({ messages }) => messages)
    .map(({ messages }) => tokenizer.renderChat(messages.slice(0, -1), { addGenerationPrompt: true }))
    .map((text) => tokenizer.encode(text));
  const prompts = spread(
    encoded.filter(({ length }) => length <= MAX_PROMPT_TOKENS),
    PROMPTS,
  );
  const job = { prompts, batch: BATCH, maxNewTokens: NEW_TOKENS, eos: tokenizer.eosId };
  const model = join(environment.modelRoot, environment.hf);
  const [theirs] = await runPeer(environment, "generate.py", [model], { input: [JSON.stringify(job)] });
  const ours = await answer(base, prompts);

  let same = 0;
  for (const [i, { ids }] of ours.entries()) {
    if ([...ids].join() === theirs[i].join()) same++;
    else say(`  answer ${i} parts at token ${ids.findIndex((id, at) => id !== theirs[i][at])}`);
  }
  return [
    { what: "prompts", value: prompts.length, atLeast: PROMPTS },
    { what: "tokens generated", value: ours.reduce((sum, { ids }) => sum + ids.length, 0) },
    { what: `answers of up to ${NEW_TOKENS} tokens with identical ids`, value: same, atLeast: 98 },
  ];
}

async function answer(base, prompts) {
  const thread = new EngineThread(await engineSettings("cpu", defaultThreads()));
  try {
    await thread.call("openDecode", [{ base: base.spec, adapter: null, batch: BATCH }]);
    const rows = prompts.map((ids) => Int32Array.from(ids));
    const { eosIds } = base.tokenizer;
    const greedy = {
      maxNewTokens: NEW_TOKENS,
      temperature: 0,
      topP: 1,
      topK: 0,
      repetitionPenalty: 1,
      seed: 0,
      eosIds,
    };
    return await thread.call("decode", [rows, greedy]);
  } finally {
    await thread.close();
  }
}
