import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError } from "@gitune/core";
import fc from "fast-check";
import { f32ToBf16 } from "./dtype.js";
import {
  openSafetensors,
  readSafetensorsHeader,
  readTensor,
  type TensorData,
  writeSafetensors,
} from "./safetensors.js";

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../test/golden/safetensors/${name}`, import.meta.url));
const hasCode = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GituneError, String(error));
  assert.equal(error.issues[0]?.code, code);
  assert.equal(error.exitCode, 2);
  assert.match(error.message, text);
  return true;
};

interface Expected {
  readonly half: readonly string[];
  readonly brain: readonly string[];
  readonly full: readonly string[];
  readonly adapter: Readonly<Record<string, readonly string[]>>;
}
const parsePython = (word: string): number =>
  word === "inf" ? Number.POSITIVE_INFINITY : word === "-inf" ? Number.NEGATIVE_INFINITY : Number(word);

describe("safetensors", () => {
  let folder = "";
  let expected: Expected;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "gitune-safetensors-"));
    expected = JSON.parse(await readFile(golden("expected.json"), "utf8")) as Expected;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("reads what the Python library writes, in every dtype the engine takes", async () => {
    for (const name of ["half", "brain", "full"] as const) {
      assert.deepEqual(
        [...(await readTensor(golden("dtypes.safetensors"), name))],
        expected[name].map(parsePython),
        name,
      );
    }
    const header = await readSafetensorsHeader(golden("adapter.safetensors"));
    assert.deepEqual(header.metadata, { format: "pt" });
    for (const [name, values] of Object.entries(expected.adapter)) {
      assert.deepEqual([...(await readTensor(header.file, name))], values.map(parsePython), name);
    }
    assert.deepEqual(header.tensors.get("ä.scalar")?.shape, []);
  });

  it("writes the same bytes as the Python library, whatever order the tensors come in", async () => {
    for (const file of ["adapter.safetensors", "mixed.safetensors"]) {
      const header = await readSafetensorsHeader(golden(file));
      const tensors: TensorData[] = [];
      for (const [name, { shape, dtype }] of header.tensors) {
        assert.ok(dtype === "F32" || dtype === "BF16");
        // Written from the f32 values, so that our own rounding is what is compared.
        const source = file === "mixed.safetensors" ? "full" : name;
        tensors.push({ name, shape, dtype, data: await readTensor(golden(file), source) });
      }
      const path = join(folder, file);
      await writeSafetensors(path, tensors.reverse(), header.metadata);
      assert.deepEqual(await readFile(path), await readFile(golden(file)), file);
    }
  });

  it("reads back what it wrote (property)", async () => {
    const path = join(folder, "property.safetensors");
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), shapes, { maxKeys: 6 }), async (named) => {
        const tensors = Object.entries(named).map(([name, shape], index) => ({
          name,
          shape,
          data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(index + 0.1),
        }));
        await writeSafetensors(path, tensors);
        for (const { name, shape, data } of tensors) {
          assert.deepEqual(await readTensor(path, name), data);
          assert.deepEqual((await readSafetensorsHeader(path)).tensors.get(name)?.shape, shape);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("rounds to bfloat16 as the nearest neighbour, ties to even", () => {
    const cases: [number, number][] = [
      [1, 0x3f80],
      [1.00390625, 0x3f80], // exactly between 0x3f80 and 0x3f81: even wins
      [1.01171875, 0x3f82], // exactly between 0x3f81 and 0x3f82: even wins
      [-0, 0x8000],
      [3.4028234663852886e38, 0x7f80],
      [Number.POSITIVE_INFINITY, 0x7f80],
    ];
    for (const [value, bits] of cases) assert.equal(f32ToBf16(Float32Array.of(value))[0], bits, String(value));
    const nan = f32ToBf16(Float32Array.of(Number.NaN))[0]!;
    assert.ok((nan & 0x7fff) > 0x7f80);
  });

  const raw = (header: string, data = new Uint8Array(0), length = Buffer.byteLength(header)): Buffer => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(length));
    return Buffer.concat([size, Buffer.from(header), data]);
  };
  const entry = (shape: number[], begin: number, end: number, dtype = "F32"): unknown => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const lies: [string, Buffer, RegExp][] = [
    ["too short", Buffer.from("abc"), /shorter/],
    ["a huge header", raw("{}", undefined, 2 ** 40), /limit is 100000000/],
    ["a header past the end", raw("{}", undefined, 1000), /claims 1000 bytes/],
    ["not JSON", raw("{nope"), /not JSON/],
    ["not an object", raw("[]"), /does not start/],
    ["not UTF-8", Buffer.concat([raw("", undefined, 2), Buffer.from([0x7b, 0xff])]), /UTF-8/],
    ["an unknown dtype", raw(JSON.stringify({ a: entry([1], 0, 4, "F31") }), new Uint8Array(4)), /unknown dtype/],
    ["past the end", raw(JSON.stringify({ a: entry([2], 0, 8) }), new Uint8Array(4)), /end at byte/],
    ["extra bytes", raw(JSON.stringify({ a: entry([1], 0, 4) }), new Uint8Array(8)), /end at byte/],
    ["a lying size", raw(JSON.stringify({ a: entry([3], 0, 8) }), new Uint8Array(8)), /takes 12 bytes/],
    ["a product past 2^53", raw(JSON.stringify({ a: entry([2 ** 40, 2 ** 40], 0, 4) }), new Uint8Array(4)), /takes/],
    ["a negative offset", raw(JSON.stringify({ a: entry([1], -4, 0) })), /bad data_offsets/],
    ["a fractional shape", raw(JSON.stringify({ a: entry([0.5], 0, 2) }), new Uint8Array(2)), /bad shape/],
    ["an overlap", raw(JSON.stringify({ a: entry([2], 0, 8), b: entry([1], 4, 8) }), new Uint8Array(8)), /overlaps/],
    ["a hole", raw(JSON.stringify({ a: entry([1], 4, 8) }), new Uint8Array(8)), /hole/],
  ];
  for (const [name, bytes, text] of lies) {
    it(`refuses ${name}`, async () => {
      const path = join(folder, "lie.safetensors");
      await writeFile(path, bytes);
      await assert.rejects(readSafetensorsHeader(path), hasCode("weights.safetensors", text));
    });
  }

  it("opens shards through their index, and lets no shard name leave the folder", async () => {
    const model = join(folder, "sharded");
    await mkdir(model);
    await assert.rejects(openSafetensors(model), hasCode("weights.missing", /has no weights/));
    await writeSafetensors(join(model, "model-1.safetensors"), [
      { name: "a", shape: [2], data: Float32Array.of(1, 2) },
    ]);
    await writeSafetensors(join(model, "model-2.safetensors"), [{ name: "b", shape: [1], data: Float32Array.of(3) }]);
    const index = (weightMap: unknown): Promise<void> =>
      writeFile(join(model, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    await index({ a: "model-1.safetensors", b: "model-2.safetensors" });
    const tensors = await openSafetensors(model);
    assert.deepEqual([...tensors.keys()], ["a", "b"]);
    assert.equal(tensors.get("b")?.file, join(model, "model-2.safetensors"));

    for (const shard of ["../sharded/model-1.safetensors/../../x", "../x", "/etc/passwd", "a\\b", "."]) {
      await index({ a: shard });
      await assert.rejects(openSafetensors(model), hasCode("weights.index", /leaves the model's folder/));
    }
    await index({ a: "model-2.safetensors" });
    await assert.rejects(openSafetensors(model), hasCode("weights.index", /"a" is not in model-2/));
    await index(["a"]);
    await assert.rejects(openSafetensors(model), hasCode("weights.index", /no weight_map/));
  });
});
