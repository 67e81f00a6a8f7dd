/** The GGUF file opened as it is, against the folder that transformers made of it: weights, tokenizer and logits alike. */
import { readFrozen } from "../../../packages/train/dist/engine/base-spec.js";
import { createScorer } from "../../../packages/train/dist/scorer.js";
import { realRows, spread, textOf } from "../rows.mjs";

const LOGIT_ROWS = 8;
const MAX_TOKENS = 64;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function gguf(context) {
  const { environment } = context;
  const [file, folder] = [await context.openBase(environment.gguf), await context.openBase(environment.hf)];
  const names = Object.keys(folder.spec.weights);
  const differing = names.filter((name) => !sameFloats(readFrozen(file.spec, name), readFrozen(folder.spec, name)));

  const rows = await realRows(context);
  const pairs = rows.map((row) => [file, folder].map(({ tokenizer }) => tokenizer.encode(textOf(tokenizer, row))));
  const otherIds = pairs.filter(([ours, theirs]) => ours.join() !== theirs.join()).length;

  const short = spread(
    pairs.map(([ids]) => Int32Array.from(ids)).filter(({ length }) => length <= MAX_TOKENS),
    LOGIT_ROWS,
  );
  const [fromFile, fromFolder] = [await logitsOf(file, short), await logitsOf(folder, short)];
  return [
    { what: "tensors", value: names.length, atLeast: 1 },
    { what: "tensors with a value that transformers' dequantization has not", value: differing.length, atMost: 0 },
    { what: "rows whose ids differ", value: otherIds, atMost: 0 },
    {
      what: `rows of ${LOGIT_ROWS} with a logit that differs`,
      value: fromFile.filter((logits, i) => !sameFloats(logits, fromFolder[i])).length,
      atMost: 0,
    },
  ];
}

async function logitsOf(base, rows) {
  const scorer = await createScorer({ base, adapter: null });
  try {
    const out = [];
    for (const row of rows) out.push(await scorer.logits(row));
    return out;
  } finally {
    await scorer.close();
  }
}

const sameFloats = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);
