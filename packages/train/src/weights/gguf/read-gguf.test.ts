import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GituneError, type IssueCode } from "@gitune/core";
import fc from "fast-check";
import { ggufBytes, type RawGguf, u32, u64 } from "../../testing/gguf-bytes.js";
import { readGguf } from "./read-gguf.js";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitune-gguf-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function read(bytes: Uint8Array) {
  const path = join(folder, "x.gguf");
  await writeFile(path, bytes);
  return readGguf(path, "models/x.gguf");
}

describe("readGguf", () => {
  it("reads metadata of every type, and places of tensors in the order of checkpoints", async () => {
    const tensors = [
      { name: "a", dims: [4, 2] },
      { name: "b", dims: [32, 3], type: 8, data: new Uint8Array(3 * 34) },
    ];
    const bytes = ggufBytes({
      keys: [
        ["n", { u32: 7 }],
        ["x", { f32: 0.5 }],
        ["yes", { flag: true }],
        ["text", { text: "Ġé\uFEFF" }],
        ["texts", { texts: ["", "b"] }],
        ["numbers", { i32s: [-1, 2] }],
        ["big", { bytes: Buffer.concat([u32(10), u64(2n ** 60n)]) }],
        ["wide", { bytes: Buffer.concat([u32(10), u64(2n ** 40n)]) }],
        ["bytes", { bytes: Buffer.concat([u32(9), u32(0), u64(3n), Buffer.of(1, 2, 3)]) }],
      ],
      tensors,
    });
    const { metadata, tensors: places, version, shown } = await read(bytes);
    assert.equal(version, 3);
    assert.equal(shown, "models/x.gguf");
    assert.deepEqual(Object.fromEntries(metadata), {
      n: 7,
      x: 0.5,
      yes: true,
      text: "Ġé\uFEFF",
      texts: ["", "b"],
      numbers: Int32Array.of(-1, 2),
      big: 2n ** 60n,
      wide: 2 ** 40,
      bytes: Uint8Array.of(1, 2, 3),
    });
    const dataBytes = 32 + 128;
    assert.deepEqual(Object.fromEntries(places), {
      a: { type: "F32", shape: [2, 4], offset: bytes.length - dataBytes, length: 32 },
      b: { type: "Q8_0", shape: [3, 32], offset: bytes.length - 128, length: 102 },
    });
    assert.equal((await read(ggufBytes({ version: 2 }))).version, 2);
  });

  const hostile: readonly [string, RawGguf | Uint8Array, IssueCode, RegExp][] = [
    ["an empty file", new Uint8Array(0), "weights.gguf", /ends inside of its first four bytes/],
    ["another file", Buffer.from("PK\x03\x04 not a model"), "weights.gguf", /no GGUF file/],
    ["version 1", { version: 1 }, "base.format", /version 1/],
    ["a big-endian file", { version: 0x03000000 }, "base.format", /big-endian/],
    [
      "a count of keys past the limit",
      { keyCount: 2n ** 63n },
      "weights.gguf",
      /claims 9223372036854775808 metadata keys/,
    ],
    ["more keys than there are", { keyCount: 3n }, "weights.gguf", /the file ends inside of/],
    ["a count of tensors past the limit", { tensorCount: 2n ** 40n }, "weights.gguf", /claims 1099511627776 tensors/],
    ["more tensors than there are", { tensorCount: 60_000n }, "weights.gguf", /the file ends inside of/],
    [
      "a key twice",
      {
        keys: [
          ["k", { u32: 1 }],
          ["k", { u32: 1 }],
        ],
      },
      "weights.gguf",
      /k is there twice/,
    ],
    ["an unknown value type", { keys: [["k", { bytes: u32(99) }]] }, "weights.gguf", /unknown value type 99/],
    [
      "a text past the limit",
      { keys: [["k", { bytes: Buffer.concat([u32(8), u64(2n ** 50n)]) }]] },
      "weights.gguf",
      /claims 1125899906842624 bytes/,
    ],
    [
      "a text past the end",
      { keys: [["k", { bytes: Buffer.concat([u32(8), u64(1000n)]) }]] },
      "weights.gguf",
      /ends inside of the value of k/,
    ],
    [
      "a text that is no UTF-8",
      { keys: [["k", { bytes: Buffer.concat([u32(8), u64(1n), Buffer.of(0xff)]) }]] },
      "weights.gguf",
      /not UTF-8/,
    ],
    [
      "a list past the limit",
      { keys: [["k", { bytes: Buffer.concat([u32(9), u32(4), u64(2n ** 40n)]) }]] },
      "weights.gguf",
      /claims 1099511627776 items/,
    ],
    [
      "a list past the end",
      { keys: [["k", { bytes: Buffer.concat([u32(9), u32(12), u64(4_000_000n)]) }]] },
      "weights.gguf",
      /ends inside of the list k/,
    ],
    [
      "a list of texts past the end",
      { keys: [["k", { bytes: Buffer.concat([u32(9), u32(8), u64(4_000_000n)]) }]] },
      "weights.gguf",
      /more items than fit/,
    ],
    [
      "a list of lists",
      { keys: [["k", { bytes: Buffer.concat([u32(9), u32(9), u64(1n)]) }]] },
      "weights.gguf",
      /items of the type 9/,
    ],
    ["an alignment of 0", { keys: [["general.alignment", { u32: 0 }]] }, "weights.gguf", /general.alignment/],
    ["an alignment of 24", { keys: [["general.alignment", { u32: 24 }]] }, "weights.gguf", /general.alignment/],
    [
      "a tensor twice",
      {
        tensors: [
          { name: "a", dims: [4] },
          { name: "a", dims: [4] },
        ],
      },
      "weights.gguf",
      /two tensors are named a/,
    ],
    [
      "a tensor's name past the limit",
      { tensors: [{ name: "a".repeat(65), dims: [4] }] },
      "weights.gguf",
      /claims 65 bytes/,
    ],
    ["no dimension", { tensors: [{ name: "a", dims: [] }] }, "weights.gguf", /0 dimensions/],
    ["five dimensions", { tensors: [{ name: "a", dims: [1, 1, 1, 1, 1] }] }, "weights.gguf", /5 dimensions/],
    ["a size of 0", { tensors: [{ name: "a", dims: [4, 0] }] }, "weights.gguf", /a shape that the file cannot hold/],
    [
      "sizes that wrap around",
      { tensors: [{ name: "a", dims: [2n ** 63n, 2n ** 63n, 4], data: new Uint8Array(64) }] },
      "weights.gguf",
      /a shape that the file cannot hold/,
    ],
    [
      "a tensor larger than the file",
      { tensors: [{ name: "a", dims: [2 ** 30], data: new Uint8Array(64) }] },
      "weights.gguf",
      /a shape that the file cannot hold/,
    ],
    [
      "a tensor past the end",
      { tensors: [{ name: "a", dims: [20], offset: 96, data: new Uint8Array(96) }] },
      "weights.gguf",
      /ends past the file's end/,
    ],
    ["an offset between alignments", { tensors: [{ name: "a", dims: [4], offset: 4 }] }, "weights.gguf", /offset 4/],
    [
      "two tensors in one place",
      {
        tensors: [
          { name: "a", dims: [16] },
          { name: "b", dims: [16], offset: 32 },
        ],
      },
      "weights.gguf",
      /overlaps/,
    ],
    [
      "a row that is no whole number of blocks",
      { tensors: [{ name: "a", dims: [33], type: 8, data: new Uint8Array(64) }] },
      "weights.gguf",
      /no whole number of Q8_0 blocks/,
    ],
    [
      "a type that is known and not read",
      { tensors: [{ name: "a", dims: [256], type: 16 }] },
      "weights.dtype",
      /IQ2_XXS/,
    ],
    ["a type that nobody knows", { tensors: [{ name: "a", dims: [4], type: 12345 }] }, "weights.dtype", /type 12345/],
  ];
  for (const [name, content, code, message] of hostile) {
    it(`refuses ${name}`, async () => {
      const bytes = content instanceof Uint8Array ? content : ggufBytes(content);
      await assert.rejects(read(bytes), (error) => {
        assert.ok(error instanceof GituneError, String(error));
        assert.equal(error.exitCode, 2);
        assert.equal(error.issues[0]?.code, code);
        assert.equal(error.issues[0]?.file, "models/x.gguf");
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("shows no control characters of a file, and not all of a long name", async () => {
    const bytes = ggufBytes({ keys: [[`\x1b[31m${"k".repeat(10_000)}`, { bytes: u32(99) }]] });
    await assert.rejects(read(bytes), (error: Error) => !error.message.includes("\x1b") && error.message.length < 300);
  });

  it("never fails in another way, whatever the bytes", async () => {
    const whole = ggufBytes({
      keys: [
        ["general.architecture", { text: "llama" }],
        ["tokens", { texts: ["a", "b"] }],
        ["scores", { f32s: [1, 2] }],
      ],
      tensors: [
        { name: "a", dims: [4, 2] },
        { name: "b", dims: [32], type: 8, data: new Uint8Array(34) },
      ],
    });
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(whole.length), async (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const before = process.memoryUsage().arrayBuffers;
        await read(bytes).catch((error: unknown) => {
          assert.ok(error instanceof GituneError, String(error));
          assert.equal(error.exitCode, 2);
        });
        assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
      }),
      { numRuns: 300 },
    );
  });
});
