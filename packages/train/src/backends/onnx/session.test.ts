import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { GituneError, InternalError } from "@gitune/core";
import { Graph, type Node } from "../../ir/node.js";
import { add, cast, mul, scale } from "../../ops/elementwise.js";
import { gatherRows } from "../../ops/gather.js";
import { input, weight } from "../../ops/leaf.js";
import { matMul } from "../../ops/matmul.js";
import { expand } from "../../ops/movement.js";
import { argMax, sumAll } from "../../ops/reduce.js";
import { assertClose } from "../../testing/compare.js";
import { uniform } from "../../testing/random.js";
import { type WeightFixture, writeWeightFixture } from "../../testing/weight-fixture.js";
import type { Feeds, Tensor } from "../backend.js";
import { evaluate } from "../reference/run.js";
import { onnxBackend } from "./session.js";

const backend = onnxBackend({ threads: 1 });

async function run(outputs: Record<string, Node>, feeds: Feeds = {}): Promise<Record<string, Tensor>> {
  const program = await backend.compile(outputs);
  try {
    return await program.run(feeds);
  } finally {
    await program.close();
  }
}

describe("weights stay in their safetensors file", () => {
  let fixture: WeightFixture;
  before(async () => {
    fixture = await writeWeightFixture();
  });
  after(() => fixture.remove());

  /** plain · halfᵀ, from a file at any place. */
  function product(file: string): { readonly y: Node } {
    const graph = new Graph();
    const at = (name: string) => ({ ...fixture.tensors.get(name)!, file });
    const plain = weight(graph, "plain", [3, 4], "f32", at("plain"));
    const half = cast(weight(graph, "half", [3, 4], "bf16", at("half")), "f32");
    return { y: matMul(plain, half, { transB: true }) };
  }

  async function check(file: string): Promise<void> {
    const outputs = product(file);
    const { y } = await run(outputs);
    assertClose(y!.data, evaluate([outputs.y], {})[0]!.data, 1e-6, "y");
  }

  test("at their offsets, f32 and bf16", async () => {
    assert.ok(fixture.tensors.get("half")!.offset > fixture.tensors.get("plain")!.offset);
    await check(fixture.file);
  });

  test("in a folder and a file that nobody may write", async () => {
    await chmod(fixture.file, 0o444);
    await chmod(fixture.folder, 0o555);
    try {
      await check(fixture.file);
    } finally {
      await chmod(fixture.folder, 0o755);
    }
  });

  test("in a folder with spaces and letters beyond ASCII", async () => {
    const folder = join(fixture.folder, "my modèle, 模型");
    await mkdir(folder);
    await rename(fixture.file, join(folder, "model.safetensors"));
    try {
      await check(join(folder, "model.safetensors"));
    } finally {
      await rename(join(folder, "model.safetensors"), fixture.file);
    }
  });

  test("behind a link, as in the Hub's cache", async () => {
    const cache = await mkdtemp(join(tmpdir(), "gitune-cache-"));
    try {
      await mkdir(join(cache, "blobs"));
      await mkdir(join(cache, "snapshots", "main"), { recursive: true });
      await rename(fixture.file, join(cache, "blobs", "0a1b"));
      await symlink("../../blobs/0a1b", join(cache, "snapshots", "main", "model.safetensors"));
      await check(join(cache, "snapshots", "main", "model.safetensors"));
    } finally {
      await rename(join(cache, "blobs", "0a1b"), fixture.file);
      await rm(cache, { recursive: true });
    }
  });

  test("an offset past the file's end is a clear error", async () => {
    const graph = new Graph();
    const source = { file: fixture.file, offset: 1 << 20, length: 48 };
    await fails(
      { y: scale(weight(graph, "w", [3, 4], "f32", source), 2) },
      "engine.runtime",
      /w:w|external|offset|size/i,
    );
  });

  test("a length that is not the tensor's is a clear error", async () => {
    const graph = new Graph();
    const source = { ...fixture.tensors.get("plain")!, length: 44 };
    await fails(
      { y: scale(weight(graph, "w", [3, 4], "f32", source), 2) },
      "engine.runtime",
      /w:w|external|length|size/i,
    );
  });

  test("a missing file is a clear error", () =>
    fails(product(join(fixture.folder, "gone.safetensors")), "engine.runtime", /gone\.safetensors/));

  test("a file that was cut since its header was read is a clear error", async () => {
    const other = await writeWeightFixture();
    try {
      await truncate(other.file, other.tensors.get("half")!.offset);
      const graph = new Graph();
      await fails({ y: cast(other.weight(graph, "half"), "f32") }, "engine.runtime", /./);
    } finally {
      await other.remove();
    }
  });

  test("weights of one graph may lie in two folders", async () => {
    const other = await writeWeightFixture();
    try {
      const graph = new Graph();
      const here = fixture.weight(graph, "plain");
      const there = weight(graph, "there", [3, 4], "f32", other.tensors.get("plain")!);
      const { y } = await run({ y: add(here, there) }, {});
      assertClose(
        y!.data as Float32Array,
        uniform("plain", 12).map((value) => 2 * value),
        1e-6,
        "sum",
      );
    } finally {
      await other.remove();
    }
  });
});

async function fails(outputs: Record<string, Node>, code: string, message: RegExp, feeds: Feeds = {}): Promise<void> {
  await assert.rejects(run(outputs, feeds), (error) => {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.issues[0]?.code, code);
    assert.equal(error.exitCode, 3);
    assert.match(error.message, message);
    return true;
  });
}

describe("what goes wrong in ONNX Runtime is a GituneError", () => {
  test("an index outside its table", async () => {
    const graph = new Graph();
    const y = gatherRows(input(graph, "x", [3, 2]), input(graph, "index", [1], "i64"));
    const feeds = {
      x: { data: new Float32Array(6), shape: [3, 2] },
      index: { data: BigInt64Array.of(3n), shape: [1] },
    };
    await fails({ y }, "engine.runtime", /indices element out of data bounds/, feeds);
  });

  test("an input of another shape than the graph's", async () => {
    const graph = new Graph();
    const feeds = { x: { data: new Float32Array(6), shape: [3, 2] } };
    await fails({ y: scale(input(graph, "x", [2, 3]), 2) }, "engine.runtime", /x/, feeds);
  });

  test("a model that it refuses", async () => {
    const graph = new Graph();
    const x = input(graph, "x", [2]);
    const y = input(graph, "y", [2]);
    await fails({ x: add(x, y) }, "engine.runtime", /ONNX Runtime refused the model/);
  });

  test("not enough memory, with what to do", async () => {
    const graph = new Graph();
    // 2^48 bytes: more than any address space has, so nothing is ever touched.
    const huge = expand(input(graph, "x", []), [2 ** 23, 2 ** 23]);
    const feeds = { x: { data: Float32Array.of(1), shape: [] } };
    await assert.rejects(run({ y: sumAll(mul(huge, huge)) }, feeds), (error) => {
      assert.ok(error instanceof GituneError, String(error));
      assert.equal(error.issues[0]?.code, "engine.out-of-memory", error.message);
      assert.match(error.issues[0]?.fix ?? "", /micro_batch_size/);
      return true;
    });
  });

  test("but a forgotten feed is a bug of ours", async () => {
    await assert.rejects(run({ y: scale(input(new Graph(), "x", [2]), 2) }), (error) => {
      assert.ok(error instanceof InternalError);
      assert.match(error.message, /input x is not fed/);
      return true;
    });
  });
});

describe("run", () => {
  test("writes outputs into the given arrays", async () => {
    const graph = new Graph();
    const x = input(graph, "x", [2, 2]);
    const program = await backend.compile({ index: argMax(x), double: scale(x, 2), triple: scale(x, 3) });
    try {
      const feeds = { x: { data: Float32Array.of(1, 2, 4, 3), shape: [2, 2] } };
      const into = {
        double: { data: new Float32Array(4), shape: [2, 2] },
        index: { data: new BigInt64Array(2), shape: [2] },
      };
      const out = await program.run(feeds, into);
      assert.deepEqual([...into.double.data], [2, 4, 8, 6]);
      assert.deepEqual([...into.index.data], [1n, 0n]);
      assert.deepEqual([...out["double"]!.data], [2, 4, 8, 6]);
      assert.deepEqual([...out["triple"]!.data], [3, 6, 12, 9]);
      // Fresh arrays of one run are not written by the next.
      await program.run({ x: { data: new Float32Array(4), shape: [2, 2] } });
      assert.deepEqual([...out["triple"]!.data], [3, 6, 12, 9]);
    } finally {
      await program.close();
    }
  });

  test("takes feeds that the graph does not need", async () => {
    const graph = new Graph();
    const x = { data: Float32Array.of(1), shape: [1] };
    const out = await run({ y: scale(input(graph, "x", [1]), 2) }, { x, unused: x });
    assert.deepEqual([...out["y"]!.data], [2]);
  });
});
