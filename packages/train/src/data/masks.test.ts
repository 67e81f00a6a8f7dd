import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { JsonValue, Message } from "@gitune/core";
import { type BaseTokenizer, createTokenizer } from "../tokenizer/tokenizer.js";
import { tokenizeContent } from "./encode-row.js";

const read = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../test/${path}`, import.meta.url)), "utf8");

/** What transformers says of one conversation (scripts/golden/masks.py). */
interface Golden {
  readonly template: string;
  /** The first one ends a turn. */
  readonly specials: readonly string[];
  readonly eos: string;
  readonly bos: string | null;
  readonly chat: string;
  readonly messages: readonly Message[];
  readonly tools: readonly JsonValue[] | null;
  readonly ids: readonly number[];
  readonly mask: readonly number[];
}

interface Definition {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

const golden = JSON.parse(await read("golden/masks/golden.json")) as readonly Golden[];
const tiny = JSON.parse(await read("fixtures/tiny-chat/tokenizer.json")) as Definition;

/** The fixture's tokenizer with a template's special tokens and the template itself. */
async function tokenizerFor({ template, specials, eos, bos }: Golden): Promise<BaseTokenizer> {
  const added = [...tiny.added_tokens];
  for (const content of specials) {
    if (added.some((token) => token.content === content)) continue;
    const id = Math.max(...Object.values(tiny.model.vocab), ...added.map((token) => token.id)) + 1;
    added.push({ ...added[0]!, id, content });
  }
  const idOf = (content: string) => added.find((token) => token.content === content)!.id;
  return createTokenizer({
    place: template,
    definition: { ...tiny, added_tokens: added },
    config: { eos_token: eos, ...(bos === null ? {} : { bos_token: bos }) },
    generation: { eos_token_id: [idOf(specials[0]!), idOf(eos)] },
    model: {},
    template: await read(`fixtures/chat-templates/${template}.jinja`),
  });
}

describe("labels of chat templates are the tokens that transformers calls the assistant's", () => {
  for (const one of golden) {
    it(`${one.template}: ${one.chat}`, async () => {
      const tokenizer = await tokenizerFor(one);
      const { messages, tools } = one;
      const row = tokenizeContent({ kind: "messages", messages, ...(tools ? { tools } : {}) }, tokenizer);
      assert.ok("ids" in row, JSON.stringify(row));
      assert.deepEqual([...row.ids], one.ids);
      const show = (mask: ArrayLike<number>) =>
        tokenizer.decode(
          one.ids.filter((_, at) => mask[at] === 1),
          { skipSpecialTokens: false },
        );
      assert.equal(show(row.labelMask), show(one.mask));
      assert.deepEqual([...row.labelMask], one.mask);
    });
  }
});
