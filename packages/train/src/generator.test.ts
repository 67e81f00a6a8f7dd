import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError } from "@gitune/core";
import { openBase } from "./base.js";
import { createGenerator } from "./generator.js";
import { openSafetensors, readTensorEntry, writeSafetensors } from "./weights/safetensors.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const open = () =>
  openBase({ root, projectDir: "datasets/package-section", base: "models/gitune-tiny", revision: null });
const prompts = [{ kind: "text", text: "This package contains" }] as const;

async function textOf(adapter: string | null): Promise<string> {
  const generator = await createGenerator({ base: await open(), adapter, batchSize: 1 });
  try {
    const [answer] = await generator.generate(prompts, { maxNewTokens: 8, temperature: 0 });
    return answer!.text;
  } finally {
    await generator.close();
  }
}

test("a model folder, as full training writes it, takes the place of the base's weights", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gitune-full-"));
  try {
    cpSync(join(root, "models/gitune-tiny"), folder, { recursive: true });
    const plain = await textOf(null);
    assert.equal(await textOf(folder), plain);

    const tensors = [];
    for (const [name, entry] of await openSafetensors(folder)) {
      const data = await readTensorEntry(entry, name);
      tensors.push({ name, shape: entry.shape, data: name === "model.norm.weight" ? data.map((x) => -x) : data });
    }
    await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
    assert.notEqual(await textOf(folder), plain);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a folder that is neither adapter nor model is named, exit code 2", async () => {
  await assert.rejects(
    textOf(join(root, "docs")),
    (error) => error instanceof GituneError && error.exitCode === 2 && error.issues[0]?.code === "adapter.missing",
  );
});

test("a stop string ends a row where it is complete, wherever tokens part; the text stops before it", async () => {
  const generator = await createGenerator({ base: await open(), adapter: null, batchSize: 3 });
  try {
    const options = { maxNewTokens: 40, temperature: 0 };
    const ask = async (stop: readonly string[]) =>
      (await generator.generate([prompts[0], { kind: "text", text: "A library for" }], { ...options, stop }))[0]!;
    const whole = await ask([]);
    for (const [from, to] of [
      [0, 3],
      [9, 10],
      [11, 17],
      [whole.text.length - 4, whole.text.length - 1],
    ] as const) {
      const stop = whole.text.slice(from, to);
      const cut = await ask(["never said", stop]);
      assert.equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)), `before ${JSON.stringify(stop)}`);
      assert.equal(cut.stop, "eos");
      assert.ok(cut.completionTokens <= whole.completionTokens, `${cut.completionTokens} tokens`);
    }
  } finally {
    await generator.close();
  }
});

test("sampling: a row's text follows from seed, row and step, whatever else is generated beside it", async () => {
  const base = await open();
  const options = { maxNewTokens: 12, temperature: 1.2, topP: 0.95, topK: 50, repetitionPenalty: 1.2, seed: 5 };
  const texts = Array.from(
    { length: 5 },
    (_, i) => ({ kind: "text", text: `${"very ".repeat(7 * i)}small tools` }) as const,
  );
  const long = { kind: "text", text: "package ".repeat(2000) } as const;
  const runs = [];
  for (const batchSize of [1, 4]) {
    const generator = await createGenerator({ base, adapter: null, batchSize });
    // A row that cannot be answered keeps its number.
    const answers = await generator.generate(
      [texts[0]!, batchSize === 1 ? long : texts[1]!, ...texts.slice(2)],
      options,
    );
    runs.push(answers.filter((_, row) => row !== 1).map(({ text }) => text));
    await generator.close();
  }
  assert.deepEqual(runs[0], runs[1]);
  assert.equal(new Set(runs[0]).size, 4);
});

test("a prompt without room for an answer is that row's error, and the others are answered", async () => {
  const generator = await createGenerator({ base: await open(), adapter: null, batchSize: 2 });
  try {
    const long = { kind: "text", text: "package ".repeat(2000) } as const;
    const [bad, good] = await generator.generate([long, prompts[0]], { maxNewTokens: 4, temperature: 0 });
    assert.equal(bad!.stop, "error");
    assert.match(bad!.error ?? "", /tokens, the model has room for 1020/);
    assert.ok(good!.text.length > 0);
  } finally {
    await generator.close();
  }
});
