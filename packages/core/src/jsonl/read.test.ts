import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { GituneError } from "../issue.js";
import { MAX_DEPTH } from "../json-depth.js";
import { tempDir } from "../testing/temp-repo.js";
import { type JsonlItem, type ReadJsonlOptions, readJsonl } from "./read.js";
import { offsetOf, scanJson } from "./scan.js";
import { decodeUtf8, firstBadByte } from "./utf8.js";
import { writeJsonl } from "./write.js";

async function collect(source: Parameters<typeof readJsonl>[0], options?: ReadJsonlOptions): Promise<JsonlItem[]> {
  const items: JsonlItem[] = [];
  for await (const item of readJsonl(source, options)) items.push(item);
  return items;
}
const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
const issuesOf = (items: readonly JsonlItem[]) => items.flatMap((item) => (item.kind === "issue" ? [item.issue] : []));
const rowsOf = (items: readonly JsonlItem[]) => items.flatMap((item) => (item.kind === "row" ? [item] : []));

test("rows come with line and byte range; the last line needs no newline", async () => {
  const text = '{"a":"ü"}\n{"a":2}\n[3]';
  const rows = rowsOf(await collect([bytes(text)]));
  assert.deepEqual(
    rows.map(({ line, byteOffset, byteLength, value }) => [line, byteOffset, byteLength, value]),
    [
      [1, 0, 10, { a: "ü" }],
      [2, 11, 7, { a: 2 }],
      [3, 19, 3, [3]],
    ],
  );
});

const BAD: readonly [
  name: string,
  bytes: Uint8Array,
  code: string,
  line: number | undefined,
  column: number | undefined,
][] = [
  ["broken JSON", bytes('{"a":1}\n{"a":,}\n'), "jsonl.parse", 2, 6],
  ["a cut line", bytes('{"a":"x'), "jsonl.parse", 1, 8],
  ["single quotes", bytes("{'a':1}"), "jsonl.parse", 1, 2],
  ["a trailing comma", bytes('{"a":1,}'), "jsonl.parse", 1, 8],
  ["two values", bytes('{"a":1} {"a":2}'), "jsonl.parse", 1, 9],
  ["NaN", bytes('{"a":NaN}'), "jsonl.parse", 1, 6],
  ["-Infinity", bytes('{"a":-Infinity}'), "jsonl.parse", 1, 6],
  ["a leading zero", bytes('{"a":01}'), "jsonl.parse", 1, 6],
  ["a raw control character", bytes('{"a":"\u0001"}'), "jsonl.parse", 1, 7],
  ["a bad escape", bytes('{"a":"\\x"}'), "jsonl.parse", 1, 7],
  ["a key twice", bytes('{"a":{"b":1,"\\u0062":2}}'), "jsonl.duplicate-key", 1, 13],
  ["half a surrogate pair", bytes('{"a":"\\ud800"}'), "jsonl.surrogate", 1, 7],
  ["a number past 2^53", bytes('{"id":9007199254740993}'), "jsonl.number", 1, 7],
  ["a number past 1e308", bytes('{"id":1e999}'), "jsonl.number", 1, 7],
  ["deep nesting", bytes("[".repeat(100_000)), "jsonl.too-deep", 1, MAX_DEPTH + 1],
  ["Latin-1", Buffer.from('{"a":"\xe4"}', "latin1"), "jsonl.encoding", 1, 7],
  ["UTF-16", Buffer.from('\ufeff{"a":1}\n', "utf16le"), "jsonl.encoding", 1, undefined],
  ["a byte order mark", bytes('\ufeff{"a":1}\n'), "jsonl.bom", 1, 1],
  ["CRLF", bytes('{"a":1}\r\n{"a":2}\r\n'), "jsonl.crlf", 1, undefined],
  ["a blank line", bytes('{"a":1}\n\n'), "jsonl.blank", 2, undefined],
  ["an empty file", bytes(""), "jsonl.empty", undefined, undefined],
  ["a file of blank lines", bytes("\n\n"), "jsonl.empty", undefined, undefined],
  ["a Git LFS pointer", bytes("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "jsonl.lfs", 1, undefined],
];
for (const [name, content, code, line, column] of BAD) {
  test(`${name} is ${code}`, async () => {
    const issues = issuesOf(await collect([content], { file: "x.jsonl" }));
    assert.equal(issues.length, 1);
    assert.deepEqual(
      [issues[0]?.code, issues[0]?.line, issues[0]?.column, issues[0]?.file],
      [code, line, column, "x.jsonl"],
    );
  });
}

test("reading goes on after a bad line; a BOM and CRLF do not hide the rows", async () => {
  const items = await collect([bytes('\ufeff{"a":1}\r\n{bad\r\n{"a":3}\r\n')]);
  assert.deepEqual(
    rowsOf(items).map(({ value, line }) => [value, line]),
    [
      [{ a: 1 }, 1],
      [{ a: 3 }, 3],
    ],
  );
  assert.deepEqual(
    issuesOf(items).map(({ code }) => code),
    ["jsonl.bom", "jsonl.parse", "jsonl.crlf"],
  );
  assert.match(issuesOf(items)[2]?.message ?? "", /^3 lines/);
});

test("the byte of wrong UTF-8 is named by its place in the file", async () => {
  const [issue] = issuesOf(await collect([Buffer.from('{"a":1}\n{"a":"\xff"}\n', "latin1")]));
  assert.match(issue?.message ?? "", /byte FF at byte 14 of the file/);
});

test("a 50 MB line is an error, memory stays bounded, and the next line is read", async () => {
  const chunk = Buffer.alloc(1 << 20, 0x61);
  async function* source(): AsyncGenerator<Uint8Array> {
    yield bytes('{"a":"');
    for (let index = 0; index < 50; index += 1) yield chunk;
    yield bytes('"}\n{"a":2}\n');
  }
  const before = process.memoryUsage();
  let peak = 0;
  const items: JsonlItem[] = [];
  for await (const item of readJsonl(source())) {
    items.push(item);
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before.arrayBuffers);
  }
  assert.equal(issuesOf(items)[0]?.code, "jsonl.row-too-long");
  assert.match(issuesOf(items)[0]?.message ?? "", /52,428,808 bytes/);
  assert.deepEqual(
    rowsOf(items).map(({ line, value }) => [line, value]),
    [[2, { a: 2 }]],
  );
  assert.ok(peak < 32 << 20, `held ${peak} bytes`);
});

test("a file that is missing, or a folder, is an issue", async (t) => {
  const dir = tempDir(t);
  for (const [path, why] of [
    [join(dir, "no.jsonl"), /no such file/],
    [dir, /folder/],
  ] as const) {
    const [item] = await collect(path);
    assert.ok(item?.kind === "issue" && item.issue.code === "file.unreadable");
    assert.match(item.issue.message, why);
  }
});

test("the result does not depend on where bytes are cut", async () => {
  const line = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom("", "{bad", '{"a":1,"a":2}', "\r", '"\ud83d\ude00"', '{"n":1e999}'),
    fc.string({ unit: "binary", maxLength: 12 }).map((text) => JSON.stringify({ text }).replaceAll("\n", " ")),
  );
  const content = fc.array(line, { maxLength: 12 }).map((lines) => Buffer.from(lines.join("\n"), "utf8"));
  const raw = fc.uint8Array({ maxLength: 60 });
  const cuts = fc.array(fc.nat(400), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(content, raw), cuts, async (whole, places) => {
      const ends = [...new Set([...places.map((place) => Math.min(place, whole.length)), whole.length])].sort(
        (a, b) => a - b,
      );
      const chunks = ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(await collect(chunks, { maxRowBytes: 40 }), await collect([whole], { maxRowBytes: 40 }));
    }),
    { numRuns: 300 },
  );
});

test("the scanner accepts what JSON.parse accepts, and nothing else", () => {
  const stricter = new Set(["jsonl.duplicate-key", "jsonl.surrogate", "jsonl.number", "jsonl.too-deep"]);
  const alphabet = fc.constantFrom(...'{}[]",:\\u09eE.-+ truefalsn\n', "\\u0041", "null", '"a"', "12");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.array(alphabet, { maxLength: 14 }).map((parts) => parts.join("")),
      ),
      (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const problem = scanJson(text);
        assert.equal(problem === null || stricter.has(problem.code), isJson || stricter.has(problem?.code ?? ""));
        if (isJson) assert.ok(problem === null || stricter.has(problem.code), problem?.message);
      },
    ),
    { numRuns: 2000 },
  );
});

test("bad UTF-8 is found where the platform's decoder finds it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (data) => {
      const at = firstBadByte(data);
      assert.equal(at < 0, decodeUtf8(data) !== undefined);
      if (at >= 0) assert.notEqual(decodeUtf8(data.subarray(0, at)), undefined);
    }),
    { numRuns: 2000 },
  );
});

test("a pointer's column, or that of its deepest parent", () => {
  const text = '{"a":[1,{"b":"x"}],"c":2}';
  assert.equal(offsetOf(text, ["a", "1", "b"]), 13);
  assert.equal(offsetOf(text, ["a", "1", "missing"]), 8);
  assert.equal(offsetOf(text, []), 0);
});

test("writeJsonl writes what readJsonl reads, and makes the folder", async (t) => {
  const path = join(tempDir(t), "new", "x.jsonl");
  const rows = [{ a: 1 }, { b: "ü\n" }];
  await writeJsonl(path, rows);
  assert.deepEqual(
    rowsOf(await collect(path)).map(({ value }) => value),
    rows,
  );
});

test("a full disk leaves the old file as it was, nothing else, and says so with exit code 3", async (t) => {
  const dir = tempDir(t);
  mkdirSync(join(dir, "data"));
  const path = join(dir, "data", "x.jsonl");
  writeFileSync(path, "old\n");
  const openFile = async (name: string, flags: string) => {
    const handle = await open(name, flags);
    handle.appendFile = () =>
      Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }));
    return handle;
  };
  await assert.rejects(writeJsonl(path, [{ a: 1 }], { openFile }), (error: unknown) => {
    assert.ok(error instanceof GituneError);
    assert.deepEqual([error.exitCode, error.issues[0]?.code], [3, "disk.full"]);
    return true;
  });
  assert.deepEqual(
    await collect(path)
      .then(issuesOf)
      .then((issues) => issues.map(({ code }) => code)),
    ["jsonl.parse"],
  );
  const { readdirSync } = await import("node:fs");
  assert.deepEqual(readdirSync(join(dir, "data")), ["x.jsonl"]);
});
