import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatFigure, holds } from "./figure.mjs";

const script = fileURLToPath(new URL("../parity.mjs", import.meta.url));

test("a figure holds up to its limit, and NaN never does", () => {
  assert.ok(holds({ what: "error", value: 1e-4, atMost: 1e-4 }));
  assert.ok(!holds({ what: "error", value: 1.01e-4, atMost: 1e-4 }));
  assert.ok(!holds({ what: "share", value: 0.9989, atLeast: 0.999 }));
  for (const limit of [{ atMost: 1 }, { atLeast: 1 }])
    assert.ok(!holds({ what: "error", value: Number.NaN, ...limit }));
  assert.match(
    formatFigure({ what: "error", value: 1.2e-5, atMost: 1e-4 }),
    /^ {2}ok {3}error +1\.2e-5 {2}at most 1\.0e-4$/,
  );
  assert.match(formatFigure({ what: "error", value: Number.NaN, atMost: 1e-4 }), /^ {2}FAIL error +NaN/);
});

test("a machine without Python is told what it lacks, exit code 3, and nothing is made", () => {
  const cache = mkdtempSync(join(tmpdir(), "gitune-parity-"));
  try {
    const env = { PATH: "", XDG_CACHE_HOME: cache };
    const { status, stderr } = spawnSync(process.execPath, [script, "tokens"], { env, encoding: "utf8" });
    assert.match(stderr, /Python 3\.11 or newer/);
    assert.equal(status, 3);
    assert.deepEqual(readdirSync(cache), []);
  } finally {
    rmSync(cache, { recursive: true });
  }
});

test("a check that is not there is a wrong call, exit code 2", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "tokns"], { encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stderr, /no check tokns; usage/);
});
