import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError, type Message } from "@gitune/core";
import { parseChatTemplate } from "./chat-template.js";
import { type BaseTokenizer, loadTokenizer } from "./tokenizer.js";

const path = (name: string): string => fileURLToPath(new URL(`../../test/${name}`, import.meta.url));

interface Golden {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
  readonly chats: readonly {
    readonly messages: readonly Message[];
    readonly add_generation_prompt: boolean;
    readonly text: string;
    readonly ids: readonly number[];
  }[];
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GituneError, String(error));
  assert.equal(error.issues[0]?.code, code);
  assert.equal(error.exitCode, 2);
  assert.match(error.message, text);
  return true;
};

describe("tokenizer", () => {
  let tokenizer: BaseTokenizer;
  let golden: Golden;
  let folder = "";
  before(async () => {
    tokenizer = await loadTokenizer(path("fixtures/tiny-chat"));
    golden = JSON.parse(await readFile(path("golden/tokenizer/golden.json"), "utf8")) as Golden;
    folder = await mkdtemp(join(tmpdir(), "gitune-tokenizer-"));
    await cp(path("fixtures/tiny-chat"), folder, { recursive: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("encodes and decodes as transformers does", () => {
    for (const { text, ids, decoded } of golden.texts) {
      assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
      assert.equal(tokenizer.decode(ids), decoded);
    }
    assert.equal(tokenizer.decode([2], { skipSpecialTokens: false }), "<|im_end|>");
  });

  it("renders chats as transformers does", () => {
    for (const { messages, add_generation_prompt, text, ids } of golden.chats) {
      const rendered = tokenizer.renderChat(messages, { addGenerationPrompt: add_generation_prompt });
      assert.equal(rendered, text);
      assert.deepEqual(tokenizer.encode(rendered), ids);
    }
  });

  it("knows the ids that end, pad and open a text", () => {
    assert.deepEqual(tokenizer.eosIds, [0, 2]);
    assert.deepEqual(tokenizer.eosTokens, ["<|endoftext|>", "<|im_end|>"]);
    assert.equal(tokenizer.eosId, 2);
    assert.equal(tokenizer.padId, 0);
    assert.equal(tokenizer.vocabSize, 370);
    assert.deepEqual(tokenizer.prefixIds, []);
    assert.match(tokenizer.templateSha256, /^[0-9a-f]{64}$/);
  });

  it("finds the BOS that a post-processor adds, once, for raw text only", async () => {
    const definition = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8")) as Record<string, unknown>;
    const special = { SpecialToken: { id: "<|im_start|>", type_id: 0 } };
    const sequence = { Sequence: { id: "A", type_id: 0 } };
    definition["post_processor"] = {
      type: "TemplateProcessing",
      single: [special, sequence],
      pair: [special, sequence],
      special_tokens: { "<|im_start|>": { id: "<|im_start|>", ids: [1], tokens: ["<|im_start|>"] } },
    };
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(definition));
    const withBos = await loadTokenizer(folder);
    assert.deepEqual(withBos.prefixIds, [1]);
    assert.deepEqual(withBos.encode("a parcel"), tokenizer.encode("a parcel"));
  });

  it("takes the default of several named templates, and says when there is none", async () => {
    await rm(join(folder, "chat_template.jinja"));
    const config = { eos_token: { content: "<|im_end|>" } };
    const named = [
      { name: "rag", template: "r" },
      { name: "default", template: "{{ eos_token }}" },
    ];
    await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, chat_template: named }));
    assert.equal((await loadTokenizer(folder)).renderChat([]), "<|im_end|>");
    await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
    const bare = await loadTokenizer(folder);
    assert.equal(bare.template, null);
    assert.throws(() => bare.renderChat([]), failsWith("template.missing", /no chat template/));
  });

  it("refuses a folder without tokenizer, without EOS, or with a broken file", async () => {
    await writeFile(join(folder, "tokenizer_config.json"), "{}");
    await rm(join(folder, "generation_config.json"));
    await assert.rejects(loadTokenizer(folder), failsWith("tokenizer.no-eos", /learn to stop/));
    await writeFile(join(folder, "tokenizer.json"), "{");
    await assert.rejects(loadTokenizer(folder), failsWith("tokenizer.invalid", /not JSON/));
    await writeFile(join(folder, "tokenizer.json"), '{"model":{}}');
    await assert.rejects(loadTokenizer(folder), failsWith("tokenizer.invalid", /./));
    await rm(join(folder, "tokenizer.json"));
    await assert.rejects(loadTokenizer(folder), failsWith("tokenizer.missing", /no tokenizer.json/));
  });
});

describe("chat template", () => {
  const render = (source: string): string => parseChatTemplate(source, {}, "t.jinja").render([]);

  it("reports a template that cannot be parsed", () => {
    assert.throws(() => parseChatTemplate("{% if %}", {}, "t.jinja"), failsWith("template.parse", /cannot be parsed/));
  });

  it("reports what the template itself refuses", () => {
    const source = "{{ raise_exception('roles must alternate') }}";
    assert.throws(() => render(source), failsWith("template.render", /roles must alternate/));
  });

  const endless: [string, string][] = [
    ["loops too long", "{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}"],
    ["loops over nothing", "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}"],
    ["asks for a list without end", "{% for a in range(10000000000) %}{% endfor %}"],
    [
      "doubles a text",
      "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    ],
    ["doubles a list", "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}"],
    ["calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
  ];
  for (const [name, source] of endless) {
    it(`stops one that ${name}`, () => {
      assert.throws(() => render(source), failsWith("template.render", /chat template failed/));
    });
  }

  it("does not know the day", () => {
    assert.equal(render("{{ strftime_now is defined }}"), "false");
  });

  it("counts as Python's range does", () => {
    assert.equal(render("{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}{{ range(2, 4) | join }}"), "53123");
  });
});
