import assert from "node:assert/strict";
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import { fileURLToPath } from "node:url";
import { discoverProjects, GituneError, type IssueCode, type Message, readRows } from "@gitune/core";
import fc from "fast-check";
import { type Base, openBase } from "./base.js";
import { createGenerator } from "./generator.js";
import { ggufBytes } from "./testing/gguf-bytes.js";
import { trainAdapter } from "./train-adapter.js";
import { readWeight } from "./weights/read-weight.js";

const golden = (name: string): string => fileURLToPath(new URL(`../test/golden/${name}`, import.meta.url));
const SUBJECTS = ["parcel", "order", "account", "address"];
const TEXTS = ["the parcel", "  12345 don't\n\n", "é \u{1f600} <|im_start|>user\nhi<|im_end|>"];

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "gitune-base-"));
  await mkdir(join(root, "models"));
  await copyFile(golden("gguf/tiny.gguf"), join(root, "models/tiny.gguf"));
  await cp(golden("gguf/tiny"), join(root, "models/tiny"), { recursive: true });
  for (const [project, base] of Object.entries({ packed: "models/tiny.gguf", plain: "models/tiny" })) {
    await writeProject(project, base);
  }
});
after(() => rm(root, { recursive: true, force: true }));

async function writeProject(name: string, base: string): Promise<void> {
  const dir = join(root, "datasets", name);
  await mkdir(dir, { recursive: true });
  const row = (subject: string) => ({
    messages: [
      { role: "user", content: `Where is my ${subject}?` },
      { role: "assistant", content: `The ${subject} is on its way.` },
    ],
  });
  await writeFile(join(dir, "train.jsonl"), SUBJECTS.map((subject) => `${JSON.stringify(row(subject))}\n`).join(""));
  await writeFile(
    join(dir, "gitune.yaml"),
    `name: ${name}
version: 1.0.0
license: cc0-1.0
language: [en]
description: A test.
data: { format: messages, splits: { train: train.jsonl } }
train:
  base: ${base}
  technique: { type: lora, r: 4, alpha: 8, targets: all-linear }
  max_steps: 3
  batch_size: 2
  micro_batch_size: 2
  max_length: 64
  seed: 1
`,
  );
}

const open = (base: string, cacheDir?: string): Promise<Base> =>
  openBase({
    root,
    projectDir: "datasets/plain",
    base,
    revision: null,
    ...(cacheDir === undefined ? {} : { cacheDir }),
  });

async function train(name: string) {
  const { projects, issues } = await discoverProjects(root);
  const project = projects.find(({ config }) => config.name === name);
  assert.ok(project, JSON.stringify(issues));
  const base = await open(project.config.train.base);
  const out = join(root, "out", name);
  return trainAdapter({ project, base, rows: readRows(project, "train"), out, threads: 1 });
}

async function answers(base: Base): Promise<string[]> {
  const generator = await createGenerator({ base, adapter: null, threads: 1 });
  try {
    const messages: Message[] = [{ role: "user", content: "Where is my parcel?" }];
    const prompts = [{ kind: "messages", messages } as const, { kind: "text", text: "The order" } as const];
    return (await generator.generate(prompts, { maxNewTokens: 12, temperature: 0 })).map(({ text }) => text);
  } finally {
    await generator.close();
  }
}

describe("a GGUF file as base", () => {
  it("is the same model as the folder with the same weights", async () => {
    const [packed, plain] = [await open("models/tiny.gguf"), await open("models/tiny")];
    assert.deepEqual(packed.config, plain.config);
    assert.equal(packed.templateSha256, plain.templateSha256);
    assert.deepEqual(packed.tokenizer.eosIds, plain.tokenizer.eosIds);
    assert.equal(packed.tokenizer.padId, plain.tokenizer.padId);
    assert.equal(packed.tokenizer.vocabSize, plain.tokenizer.vocabSize);
    for (const text of TEXTS) {
      const ids = plain.tokenizer.encode(text);
      assert.deepEqual(packed.tokenizer.encode(text), ids);
      assert.equal(packed.tokenizer.decode(ids), plain.tokenizer.decode(ids));
    }
    const weights = Object.entries(plain.spec.weights ?? {});
    assert.deepEqual(
      Object.keys(packed.spec.weights ?? {}),
      weights.map(([name]) => name),
    );
    for (const [name, entry] of weights) {
      const other = packed.spec.weights![name]!;
      assert.deepEqual(readWeight(other, other.dtype), readWeight(entry, entry.dtype), name);
    }
  });

  it("generates the same text", async () => {
    assert.deepEqual(await answers(await open("models/tiny.gguf")), await answers(await open("models/tiny")));
  });

  it("trains the same adapter, which names the file as its base", async () => {
    const [packed, plain] = [await train("packed"), await train("plain")];
    assert.deepEqual(packed.losses, plain.losses);
    assert.equal(packed.adapterSha256, plain.adapterSha256);
    const config = JSON.parse(await readFile(join(packed.adapterDir, "adapter_config.json"), "utf8"));
    assert.equal(config.base_model_name_or_path, "models/tiny.gguf");
    assert.match(await readFile(join(packed.adapterDir, "README.md"), "utf8"), /gguf_file="tiny\.gguf"/);
  });

  it("writes a model folder that opens as the same model", async () => {
    const packed = await open("models/tiny.gguf");
    const copy = join(root, "models/copy");
    await mkdir(copy);
    await packed.copyModelFiles(copy);
    await copyFile(join(root, "models/tiny/model.safetensors"), join(copy, "model.safetensors"));
    const opened = await open("models/copy");
    assert.deepEqual(opened.config, packed.config);
    assert.deepEqual(opened.tokenizer.eosIds, packed.tokenizer.eosIds);
    assert.equal(opened.templateSha256, packed.templateSha256);
    for (const text of TEXTS) assert.deepEqual(opened.tokenizer.encode(text), packed.tokenizer.encode(text));
  });

  it("is unpacked once, by many at once, and again where the copy was damaged", async () => {
    const cacheDir = join(root, "cache");
    const together = await Promise.all([1, 2, 3].map(() => open("models/tiny.gguf", cacheDir)));
    const [file, ...others] = together.map(({ spec }) => Object.values(spec.weights!)[0]!.file);
    assert.deepEqual(others, [file, file]);
    const { mtimeMs, size } = await stat(file!);
    await open("models/tiny.gguf", cacheDir);
    assert.equal((await stat(file!)).mtimeMs, mtimeMs);
    assert.deepEqual(await readdir(join(cacheDir, "tmp")), []);
    await truncate(file!, size - 4);
    await open("models/tiny.gguf", cacheDir);
    assert.equal((await stat(file!)).size, size);
  });

  const refused: readonly [string, string, IssueCode, RegExp, (path: string) => Promise<void>][] = [
    ["a file that is no model", "models/a.bin", "base.format", /no GGUF file/, (path) => writeFile(path, "x")],
    ["a GGUF file that is none", "models/b.gguf", "weights.gguf", /no GGUF file/, (path) => writeFile(path, "xxxx")],
    ["no file", "models/none.gguf", "base.missing", /not there/, async () => undefined],
    [
      "a link out of the repository",
      "models/c.gguf",
      "base.outside",
      /outside/,
      (path) => symlink(golden("gguf/tiny.gguf"), path),
    ],
    [
      "a model without its tensors",
      "models/d.gguf",
      "base.weights",
      /token_embd/,
      (path) => writeFile(path, ggufBytes({ keys: [["general.architecture", { text: "llama" }], ...SIZES] })),
    ],
    [
      "a tensor of another shape",
      "models/e.gguf",
      "base.weights",
      /do not fit the metadata at blk\.0\.attn_norm/,
      (path) => edit(path, "blk.0.attn_norm.weight", "blk.9.attn_norm.weight"),
    ],
    [
      "a tensor that the model would not use",
      "models/f.gguf",
      "model.unsupported",
      /would not use/,
      (path) => writeWithExtra(path),
    ],
  ];
  for (const [name, base, code, message, prepare] of refused) {
    it(`refuses ${name}`, async () => {
      await prepare(join(root, base));
      await assert.rejects(open(base), (error) => {
        assert.ok(error instanceof GituneError, String(error));
        assert.equal(error.issues[0]?.code, code);
        assert.equal(error.exitCode, 2);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

test("a damaged GGUF file opens or is refused, whatever the damage", async () => {
  const whole = await readFile(golden("gguf/tiny.gguf"));
  // The head: metadata and places of tensors.
  const edits = fc.array(fc.tuple(fc.nat(13_000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      await writeFile(join(root, "models/damaged.gguf"), bytes);
      await open("models/damaged.gguf").catch((error: unknown) => {
        assert.ok(error instanceof GituneError, String(error));
        assert.equal(error.exitCode, 2);
      });
    }),
    { numRuns: 50 },
  );
});

const SIZES = (
  [
    ["context_length", { u32: 8 }],
    ["embedding_length", { u32: 8 }],
    ["block_count", { u32: 0 }],
    ["feed_forward_length", { u32: 8 }],
    ["attention.head_count", { u32: 2 }],
    ["attention.layer_norm_rms_epsilon", { f32: 1e-5 }],
  ] as const
).map(([name, value]) => [`llama.${name}`, value] as const);

/** The tiny model with the first `from` in its bytes replaced by a text of the same length. */
async function edit(path: string, from: string, to: string): Promise<void> {
  const bytes = await readFile(golden("gguf/tiny.gguf"));
  bytes.write(to, bytes.indexOf(from));
  await writeFile(path, bytes);
}

/** One layer fewer in the metadata than in the tensors. */
async function writeWithExtra(path: string): Promise<void> {
  const bytes = await readFile(golden("gguf/tiny.gguf"));
  const key = "llama.block_count";
  bytes.writeUInt32LE(1, bytes.indexOf(key) + key.length + 4);
  await writeFile(path, bytes);
}
