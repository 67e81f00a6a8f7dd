/**
 * Writes every generated file that is in git, or with `--check` fails where one is not what its source says.
 * A generator takes `--check` too: then it writes nothing and exits 1 where its file is out of date.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What is generated, and by which script. Paths from the root. */
const GENERATED = [
  { file: "packages/action/README.md", from: "its action.yml files", by: "packages/action/scripts/readme.mjs" },
  {
    file: "packages/core/schemas/gitune.schema.json",
    from: "packages/core/src/config/schema.ts",
    by: "scripts/core-generated.mjs",
  },
  { file: "packages/core/ISSUE_CODES.md", from: "packages/core/src/issue-codes.ts", by: "scripts/core-generated.mjs" },
];

const root = fileURLToPath(new URL("..", import.meta.url));
const flags = process.argv.includes("--check") ? ["--check"] : [];

for (const { file, from, by } of GENERATED) {
  const { status, error } = spawnSync(process.execPath, [join(root, by), ...flags], { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0 || !existsSync(join(root, file))) {
    console.error(`${file} is not what ${by} makes of ${from}; npm run generated writes it`);
    process.exitCode = 1;
  } else {
    console.log(`${flags.length > 0 ? "up to date" : "written"}: ${file}`);
  }
}
