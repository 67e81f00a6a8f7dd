/** 200 real rows: every logit of every position, as transformers has it. */
import { join } from "node:path";
import { compareLogits } from "../compare-logits.mjs";
import { realRows, spread, textOf } from "../rows.mjs";

const PROMPTS = 200;
const TOKENS = [16, 64];

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function logits(context) {
  const { environment } = context;
  const base = await context.openBase(environment.hf);
  const encoded = (await realRows(context)).map((row) => base.tokenizer.encode(textOf(base.tokenizer, row)));
  const prompts = spread(
    encoded.filter(({ length }) => length >= TOKENS[0] && length <= TOKENS[1]),
    PROMPTS,
  );
  const found = await compareLogits(environment, {
    base,
    rows: prompts,
    model: join(environment.modelRoot, environment.hf),
  });
  return [
    { what: "prompts", value: prompts.length, atLeast: PROMPTS },
    { what: "positions, each with every logit of the vocabulary", value: found.positions },
    { what: "largest relative error of a logit", value: found.relative, atMost: 1e-4 },
    { what: "positions with the same likeliest token", value: found.sameArgmax, atLeast: 0.999 },
  ];
}
