import type { DecodeOptions } from "../engine/decode-engine.js";

/** The likeliest token each time, so many of them; no end token ends a row. */
export const greedy = (maxNewTokens: number): DecodeOptions => ({
  maxNewTokens,
  temperature: 0,
  topP: 1,
  topK: 0,
  repetitionPenalty: 1,
  seed: 0,
  eosIds: [],
});
