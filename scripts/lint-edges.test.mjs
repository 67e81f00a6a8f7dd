import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { findImports } from "./lib/imports.mjs";
import { lintEdges } from "./lint-edges.mjs";

test("findImports sees every way to import, with its line", () => {
  const source = `
import a from "a";
import type { B } from 'b';
import "c";
export * from "d";
export { e } from "e";
const f = await import("f");
import {
  g,
} from "g";
type H = import("h").H;`;
  assert.deepEqual(findImports(source), [
    { specifier: "a", line: 2 },
    { specifier: "b", line: 3 },
    { specifier: "c", line: 4 },
    { specifier: "d", line: 5 },
    { specifier: "e", line: 6 },
    { specifier: "f", line: 7 },
    { specifier: "g", line: 10 },
    { specifier: "h", line: 11 },
  ]);
});

test("findImports is not misled by comments, strings, templates and regular expressions", () => {
  const source = [
    '// import "comment"',
    '/* import "block" */',
    "const s = 'import \"string\"';",
    `const t = \`import "template" \${[1].map((x) => { return \`nested \${x} import "deep"\`; })} import "more"\`;`,
    'const r = /import "regex"[/"]/;',
    'const d = 4 / 2; Array.from("array"); x.import("method");',
    'import "real";',
  ].join("\n");
  assert.deepEqual(findImports(source), [{ specifier: "real", line: 7 }]);
});

test("lintEdges is silent on allowed imports", (t) => {
  const root = workspace(t, {
    "packages/train/src/a.ts":
      'import { x } from "@gitune/core";\nimport "node:fs";\nimport "./b.js";\nimport "npm-thing/sub";',
    "packages/train/src/a.test.ts": 'import "only-dev";',
    "scripts/x.mjs": 'import "@gitune/train";\nimport "only-dev";',
  });
  assert.deepEqual(lintEdges(root), []);
});

const FORBIDDEN = [
  [
    "an edge that is not in the table",
    "packages/core/src/a.ts",
    'import "@gitune/train";',
    /core must not import train/,
  ],
  [
    "a deep import",
    "packages/train/src/a.ts",
    'import "@gitune/core/dist/x.js";',
    /not in the exports of @gitune\/core/,
  ],
  ["a dependency that is not listed", "packages/train/src/a.ts", 'import("left-pad");', /left-pad is not a dependency/],
  [
    "a dev dependency outside of tests",
    "packages/train/src/a.ts",
    'import "only-dev";',
    /only-dev is not a dependency/,
  ],
  ["a builtin without node:", "packages/train/src/a.ts", 'import "fs";', /write node:fs/],
  ["a builtin's subpath without node:", "packages/train/src/a.ts", 'import "fs/promises";', /write node:fs\/promises/],
  ["a path out of the package", "packages/train/src/a.ts", 'import "../../core/src/b.js";', /leaves packages\/train/],
  ["the package by its own name", "packages/train/src/a.ts", 'import "@gitune/train";', /use a relative path/],
  [
    "an unlisted workspace package",
    "packages/eval/src/a.ts",
    'import "@gitune/core";',
    /@gitune\/core is not a dependency/,
  ],
  ["an unlisted dependency of a script", "scripts/x.mjs", 'import "left-pad";', /left-pad is not a dependency/],
];

for (const [what, file, source, message] of FORBIDDEN) {
  test(`lintEdges finds ${what}`, (t) => {
    const findings = lintEdges(workspace(t, { [file]: `\n${source}` }));
    assert.equal(findings.length, 1, findings.join("\n"));
    assert.match(findings[0], message);
    assert.ok(findings[0].startsWith(`${file}:2  `), findings[0]);
  });
}

test("lintEdges finds a dependency between packages against the table, and an unknown package", (t) => {
  const root = workspace(t, {
    "packages/core/package.json": JSON.stringify({ name: "@gitune/core", dependencies: { "@gitune/train": "0.1.0" } }),
    "packages/extra/package.json": JSON.stringify({ name: "extra" }),
  });
  assert.deepEqual(lintEdges(root), [
    "packages/core/package.json  depends on @gitune/train: no such edge",
    "packages/extra  is not in EDGES of scripts/lint-edges.mjs",
  ]);
});

function workspace(t, files) {
  const root = mkdtempSync(join(tmpdir(), "gitune-edges-"));
  t.after(() => rmSync(root, { recursive: true }));
  const exports = { ".": "./dist/index.js", "./package.json": "./package.json" };
  const all = {
    "package.json": JSON.stringify({ devDependencies: { "only-dev": "1.0.0" } }),
    "packages/core/package.json": JSON.stringify({ name: "@gitune/core", exports }),
    "packages/eval/package.json": JSON.stringify({ name: "@gitune/eval", exports }),
    "packages/train/package.json": JSON.stringify({
      name: "@gitune/train",
      exports,
      dependencies: { "@gitune/core": "0.1.0", "npm-thing": "1.0.0" },
    }),
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}
