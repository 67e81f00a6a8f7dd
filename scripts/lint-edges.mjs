/**
 * Checks every import of the packages, and of the scripts:
 * - between packages only along EDGES, and only through what `exports` of the other one lists
 * - of npm packages only those that the nearest package.json lists, by exact name
 * - of Node only with `node:`
 * - relative ones never out of the package
 *
 *   node scripts/lint-edges.mjs [root]
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { findImports } from "./lib/imports.mjs";

/** What a package may import (docs/architecture.md). Everything points at core; nothing points at cli or action. */
const EDGES = {
  core: [],
  train: ["core"],
  eval: ["core"],
  cli: ["core", "train", "eval"],
  action: ["core", "train", "eval"],
  nx: ["core"],
};

/**
 * @param {string} root the workspace's root
 * @returns {string[]} one line a finding: `file:line  message`
 */
export function lintEdges(root) {
  const rootManifest = readJson(join(root, "package.json"));
  const packages = new Map(
    readdirSync(join(root, "packages")).map((dir) => [dir, readJson(join(root, "packages", dir, "package.json"))]),
  );
  const dirOf = new Map([...packages].map(([dir, manifest]) => [manifest.name, dir]));
  const findings = [];

  for (const [dir, manifest] of packages) {
    if (!Object.hasOwn(EDGES, dir)) findings.push(`packages/${dir}  is not in EDGES of scripts/lint-edges.mjs`);
    for (const dependency of Object.keys(runtimeDependencies(manifest))) {
      const target = dirOf.get(dependency);
      if (target && !EDGES[dir]?.includes(target)) {
        findings.push(`packages/${dir}/package.json  depends on ${dependency}: no such edge`);
      }
    }
    for (const file of sources(root, `packages/${dir}/src`)) {
      const isTest = /\.test\.ts$/.test(file);
      const listed = isTest
        ? { ...runtimeDependencies(manifest), ...manifest.devDependencies, ...rootManifest.devDependencies }
        : runtimeDependencies(manifest);
      check(file, { folder: `packages/${dir}`, self: dir, edges: EDGES[dir] ?? [], listed });
    }
    for (const folder of ["scripts", "test"]) {
      const listed = { ...runtimeDependencies(manifest), ...manifest.devDependencies, ...rootManifest.devDependencies };
      for (const file of sources(root, `packages/${dir}/${folder}`)) {
        check(file, { folder: `packages/${dir}`, self: dir, edges: EDGES[dir] ?? [], listed });
      }
    }
  }
  for (const folder of ["scripts", "e2e"]) {
    const listed = { ...rootManifest.dependencies, ...rootManifest.devDependencies };
    for (const file of sources(root, folder)) {
      check(file, { folder: ".", self: null, edges: Object.keys(EDGES), listed });
    }
  }
  return findings;

  function check(file, { folder, self, edges, listed }) {
    for (const { specifier, line } of findImports(readFileSync(join(root, file), "utf8"))) {
      const report = (message) => findings.push(`${file}:${line}  ${message}`);
      if (specifier.startsWith(".")) {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        if (folder !== "." && !target.startsWith(`${folder}/`)) report(`${specifier} leaves ${folder}`);
        continue;
      }
      if (specifier.startsWith("node:")) continue;
      if (isBuiltin(specifier)) {
        report(`${specifier} is Node's own: write node:${specifier}`);
        continue;
      }
      const name = packageName(specifier);
      const target = dirOf.get(name);
      if (target === undefined) {
        if (!Object.hasOwn(listed, name)) report(`${name} is not a dependency in package.json`);
        continue;
      }
      if (target === self) {
        report(`${specifier} is this package itself: use a relative path`);
      } else if (!edges.includes(target)) {
        report(`${self} must not import ${target}; it may import ${edges.join(", ") || "no package"}`);
      } else if (!isExported(packages.get(target), specifier.slice(name.length))) {
        report(`${specifier} is not in the exports of ${name}`);
      } else if (self !== null && !Object.hasOwn(listed, name)) {
        report(`${name} is not a dependency in package.json`);
      }
    }
  }
}

function runtimeDependencies({ dependencies, peerDependencies, optionalDependencies }) {
  return { ...dependencies, ...peerDependencies, ...optionalDependencies };
}

/** @returns {string[]} paths of a folder's source files from the root, forward slashes */
function sources(root, folder) {
  if (!statSync(join(root, folder), { throwIfNoEntry: false })) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
    .filter((file) => /\.[cm]?[jt]s$/.test(file) && !/\/(?:node_modules|dist|fixtures|golden)\//.test(file))
    .sort();
}

function packageName(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isExported(manifest, subpath) {
  return Object.hasOwn(manifest.exports ?? { ".": null }, `.${subpath}`);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
  const findings = lintEdges(root);
  for (const finding of findings) console.error(finding);
  if (findings.length > 0) {
    console.error(
      `\n${findings.length} import${findings.length === 1 ? "" : "s"} against the rules of scripts/lint-edges.mjs`,
    );
    process.exitCode = 1;
  }
}
