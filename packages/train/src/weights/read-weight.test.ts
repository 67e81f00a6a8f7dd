import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InternalError } from "@gitune/core";
import { readWeight } from "./read-weight.js";

/** 1, -2, the smallest subnormal, and the largest finite number of each type. */
const CASES = [
  {
    dtype: "f32",
    bits: Uint32Array.of(0x3f800000, 0xc0000000, 1, 0x7f7fffff),
    values: [1, -2, 2 ** -149, 3.4028234663852886e38],
  },
  { dtype: "bf16", bits: Uint16Array.of(0x3f80, 0xc000, 1, 0x7f7f), values: [1, -2, 2 ** -133, 3.3895313892515355e38] },
  { dtype: "f16", bits: Uint16Array.of(0x3c00, 0xc000, 1, 0x7bff), values: [1, -2, 2 ** -24, 65504] },
] as const;

test("every storage type is read exactly, from its place in the file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gitune-weight-"));
  try {
    const file = join(folder, "weights");
    for (const { dtype, bits, values } of CASES) {
      const bytes = new Uint8Array(bits.buffer);
      await writeFile(file, Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]));
      assert.deepEqual([...readWeight({ file, offset: 6, length: bytes.length }, dtype)], values, dtype);
    }
    assert.throws(() => readWeight({ file, offset: 6, length: 1000 }, "f32"), InternalError);
  } finally {
    await rm(folder, { recursive: true });
  }
});
