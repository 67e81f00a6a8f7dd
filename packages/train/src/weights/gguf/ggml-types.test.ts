import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readSafetensorsHeader } from "../safetensors.js";
import { GGML_TYPES, type GgmlType } from "./ggml-types.js";

const golden = fileURLToPath(new URL("../../../test/golden/gguf/quants.safetensors", import.meta.url));

describe("quantization types", async () => {
  const { tensors } = await readSafetensorsHeader(golden);
  const file = await readFile(golden);
  const bytesOf = (name: string): Uint8Array => {
    const { offset, length } = tensors.get(name)!;
    // A copy, so that it can be looked at as floats.
    return new Uint8Array(file.subarray(offset, offset + length));
  };

  // F32 is copied byte by byte.
  for (const type of (Object.keys(GGML_TYPES) as GgmlType[]).filter((name) => name !== "F32")) {
    it(`${type} has the very bits of the reference`, () => {
      const { blockBytes, blockElements, dequantize } = GGML_TYPES[type];
      const bytes = bytesOf(`${type}.bytes`);
      const blocks = bytes.length / blockBytes;
      const values = new Float32Array(blocks * blockElements);
      dequantize(bytes, blocks, values);
      assert.deepEqual(
        new Uint32Array(values.buffer),
        new Uint32Array(bytesOf(`${type}.values`).buffer as ArrayBuffer),
      );
    });
  }

  it("F32 keeps all bits, those of a NaN included", () => {
    const bytes = Uint8Array.of(0, 0, 128, 63, 1, 0, 160, 127, 0, 0, 0, 128);
    const values = new Float32Array(3);
    GGML_TYPES.F32.dequantize(bytes, 3, values);
    assert.deepEqual(new Uint8Array(values.buffer), bytes);
  });
});
