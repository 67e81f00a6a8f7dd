import assert from "node:assert/strict";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError } from "@gitune/core";
import { readGguf } from "./read-gguf.js";
import { planTensors } from "./tensor-plan.js";
import { unpackWeights } from "./unpack-weights.js";

const gguf = readGguf(fileURLToPath(new URL("../../../test/golden/gguf/tiny.gguf", import.meta.url)));

test("a full disk while unpacking leaves nothing, and says so", async (t) => {
  const cacheDir = await mkdtemp(join(tmpdir(), "gitune-unpack-"));
  t.after(() => rm(cacheDir, { recursive: true, force: true }));
  const embedding = [{ name: "model.embed_tokens.weight", shape: gguf.tensors.get("token_embd.weight")!.shape }];
  const only = { ...gguf, tensors: new Map([["token_embd.weight", gguf.tensors.get("token_embd.weight")!]]) };
  const options = { gguf: only, plan: planTensors(only, embedding, 0), sha256: "0".repeat(64), cacheDir };
  const openFile = async (path: string, flags: string) => {
    const handle = await open(path, flags);
    let written = 0;
    handle.appendFile = async (chunk) => {
      written += (chunk as Uint8Array).length;
      if (written > 10_000) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    };
    return handle;
  };
  await assert.rejects(unpackWeights({ ...options, openFile }), (error) => {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.issues[0]?.code, "disk.full");
    assert.equal(error.exitCode, 3);
    return true;
  });
  assert.deepEqual(await readdir(join(cacheDir, "tmp")), []);
  const folder = await unpackWeights(options);
  assert.deepEqual(await readdir(folder), ["model.safetensors"]);
});
