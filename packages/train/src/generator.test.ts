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
