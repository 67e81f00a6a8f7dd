/**
 * Compiles every package, and e2e/. `node scripts/build.mjs [package ...]`.
 * Outputs whose source is gone are removed first, so that a deleted test cannot go on running.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const asked = process.argv.slice(2);

/** @type {{ folder: string, sources: string }[]} paths from the root */
const projects = [
  ...readdirSync(join(root, "packages")).map((name) => ({
    folder: `packages/${name}`,
    sources: `packages/${name}/src`,
  })),
  { folder: "e2e", sources: "e2e" },
].filter(
  ({ folder }) =>
    existsSync(join(root, folder, "tsconfig.json")) && (asked.length === 0 || asked.includes(folder.split("/").at(-1))),
);

const unknown = asked.filter((name) => !projects.some(({ folder }) => folder.split("/").at(-1) === name));
if (unknown.length > 0) {
  console.error(`no such package: ${unknown.join(", ")}`);
  process.exitCode = 2;
} else {
  for (const { folder, sources } of projects) removeStale(join(root, folder, "dist"), join(root, sources));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-b", ...projects.map(({ folder }) => folder)];
  const { status, error } = spawnSync(process.execPath, args, { stdio: "inherit", cwd: root });
  if (error) throw error;
  process.exitCode = status ?? 1;
}

function removeStale(dist, sources) {
  if (!existsSync(dist)) return;
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const match = /^(.*?)\.(?:js|d\.ts|js\.map|d\.ts\.map)$/.exec(file);
    if (match && !existsSync(join(sources, `${match[1]}.ts`))) rmSync(join(dist, file));
  }
}
