/**
 * Compiles every package. `node scripts/build.mjs [package ...]`.
 * Outputs whose source is gone are removed first, so that a deleted test cannot go on running.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const asked = process.argv.slice(2);
const packages = asked.length > 0 ? asked : readdirSync(join(root, "packages"));

for (const name of packages) {
  const dist = join(root, "packages", name, "dist");
  if (!existsSync(dist)) continue;
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const match = /^(.*)\.(?:js|d\.ts|js\.map|d\.ts\.map)$/.exec(file);
    if (!match) continue;
    const source = join(root, "packages", name, "src", `${match[1].replace(/\.d$/, "")}.ts`);
    if (!existsSync(source)) rmSync(join(dist, file));
  }
}

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const targets = packages.map((name) => relative(process.cwd(), join(root, "packages", name)) || ".");
const { status, error } = spawnSync(process.execPath, [tsc, "-b", ...targets], { stdio: "inherit", cwd: process.cwd() });
if (error) throw error;
process.exitCode = status ?? 1;
