/**
 * Writes what is made from core's sources: the JSON Schema of gitune.yaml for editors, and the table of issue codes.
 * `node scripts/core-generated.mjs [--check]`; needs the packages to be built. With --check nothing is written, and the
 * exit code is 1 where a file is not what it would be.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CONFIG_SCHEMA, ISSUE_CODES } from "../packages/core/dist/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const codes = Object.entries(ISSUE_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
const files = {
  "packages/core/schemas/gitune.schema.json": formatted("gitune.schema.json", JSON.stringify(CONFIG_SCHEMA)),
  "packages/core/ISSUE_CODES.md": [
    "# Issue codes",
    "",
    "Every finding has one of these codes. Made from `src/issue-codes.ts` by `scripts/core-generated.mjs`.",
    "",
    "| code | meaning |",
    "|---|---|",
    ...codes,
    "",
  ].join("\n"),
};

/** As the repository's formatter wants it, or `npm run format` would change it. */
function formatted(name, text) {
  const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
  return execFileSync(process.execPath, [biome, "format", `--stdin-file-path=${name}`], {
    cwd: root,
    input: text,
    encoding: "utf8",
  });
}

for (const [file, text] of Object.entries(files)) {
  const path = join(root, file);
  const isSame = existsSync(path) && readFileSync(path, "utf8") === text;
  if (isSame) continue;
  if (process.argv.includes("--check")) {
    console.error(`${file} is not what its source says: run node scripts/core-generated.mjs`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${file}`);
  }
}
