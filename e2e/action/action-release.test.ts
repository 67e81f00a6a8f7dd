/** The commit that `uses: gitune/gitune/…@v1` gets has all that the action needs, with no dependency for development. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { ACTION_FILES, REPOSITORY } from "../support/action-folder.js";
import { GitRepository } from "../support/git-repository.js";

interface Scripts {
  readonly commitRelease: (root: string) => { readonly tag: string; readonly major: string; readonly commit: string };
  readonly findImports: (source: string) => readonly { readonly specifier: string }[];
  readonly bundleOptions: (outdir: string) => Parameters<typeof build>[0];
}
const load = async (file: string) => (await import(join(REPOSITORY, file))) as Scripts;

/** Of `npm ci --omit=dev`: path -> facts. */
const LOCKED = (
  JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, { readonly dev?: boolean; readonly link?: boolean; readonly resolved?: string }>>;
  }
).packages;
const isKept = (path: string) => path in LOCKED && LOCKED[path]?.dev !== true;

let source: GitRepository;
/** A checkout of the tag. */
let release: string;
let external: readonly string[];
let tag: string;

before(async () => {
  source = new GitRepository();
  const copy = (path: string) => cpSync(join(REPOSITORY, path), join(source.root, path), { recursive: true });
  for (const path of ["package.json", "package-lock.json", ".npmrc", ".gitignore", "packages/action/.gitignore"])
    copy(path);
  for (const path of ACTION_FILES) copy(path);
  for (const name of ["action", "cli", "core", "eval", "train"]) copy(`packages/${name}/package.json`);
  copy("packages/core/schemas");
  source.commit("main");
  for (const name of ["cli", "core", "eval", "train"]) copy(`packages/${name}/dist`);
  const { bundleOptions } = await load("packages/action/scripts/bundle-options.mjs");
  const options = bundleOptions(join(source.root, "packages/action/bundle"));
  const { metafile } = await build({ ...options, metafile: true });
  external = Object.values(metafile?.outputs ?? {}).flatMap(({ imports }) =>
    imports.filter((each) => each.external).map(({ path }) => path),
  );
  const { commitRelease } = await load("scripts/release-action.mjs");
  ({ tag } = commitRelease(source.root));
  release = mkdtempSync(join(tmpdir(), "gitune-release-"));
  execFileSync("git", ["clone", "--quiet", "--branch", tag, source.root, release], { stdio: "pipe" });
});
after(() => {
  source.remove();
  rmSync(release, { recursive: true, force: true });
});

const files = (folder: string) =>
  readdirSync(join(release, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`);

describe("a release of the action", () => {
  it("is main and its build: what every step starts is there, and no test", () => {
    const started = ACTION_FILES.flatMap((file) =>
      [...readFileSync(join(release, file), "utf8").matchAll(/bundle\/([\w-]+\.mjs)/g)].map(([, name]) => name ?? ""),
    );
    assert.ok(started.length > 10);
    for (const name of started) assert.ok(existsSync(join(release, "packages/action/bundle", name)), name);
    const changed = source.git("diff", "--name-status", "HEAD", tag).split("\n");
    const strange = changed.filter(
      (line) => !/^A\tpackages\/(action\/bundle|(cli|core|eval|train)\/dist)\//.test(line),
    );
    assert.deepEqual([strange, changed.filter((line) => /\.test\.|\.d\.ts|\.map$|testing\//.test(line))], [[], []]);
  });

  it("needs nothing that npm ci --omit=dev leaves out", async () => {
    assert.deepEqual(
      external.filter((name) => !isBuiltin(name)),
      [],
    );
    const { findImports } = await load("scripts/lib/imports.mjs");
    const missing = ["cli", "core", "eval", "train"].flatMap((name) =>
      files(`packages/${name}/dist`)
        .filter((file) => file.endsWith(".js"))
        .flatMap((file) => findImports(readFileSync(join(release, file), "utf8")))
        .map(({ specifier }) => specifier)
        .filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier))
        .map((specifier) =>
          specifier
            .split("/")
            .slice(0, specifier.startsWith("@") ? 2 : 1)
            .join("/"),
        )
        .filter((each) => !isKept(`node_modules/${each}`) && !isKept(`packages/${name}/node_modules/${each}`)),
    );
    // Optional peers, for whoever wants their devices.
    assert.deepEqual(
      [...new Set(missing)].filter((name) => !name.startsWith("@tensorflow/")),
      [],
    );
  });

  it("finds its engine installed, and the engine works, with those alone", () => {
    for (const [path, { link, resolved = "" }] of Object.entries(LOCKED)) {
      if (!path.includes("node_modules/") || !isKept(path) || path.split("node_modules/").length > 2) continue;
      const from = link === true ? join(release, resolved) : join(REPOSITORY, path);
      if (!existsSync(from)) continue;
      mkdirSync(dirname(join(release, path)), { recursive: true });
      symlinkSync(from, join(release, path));
    }
    const output = join(release, "output");
    writeFileSync(output, "");
    execFileSync(process.execPath, [join(release, "packages/action/bundle/engine.mjs")], {
      env: { PATH: process.env["PATH"], GITHUB_OUTPUT: output, GITHUB_ACTIONS: "true" },
      stdio: "pipe",
    });
    assert.match(readFileSync(output, "utf8"), /installed<<.*\ntrue\n/);
    const main = join(release, "packages/cli/dist/main.js");
    const said = execFileSync(process.execPath, [main, "doctor", "--json"], { cwd: release, encoding: "utf8" });
    assert.match(said, /"what":\s*"device cpu",\s*"ok":\s*true/);
  });

  it("is made once for each version, and moves the major tag", async () => {
    const { commitRelease } = await load("scripts/release-action.mjs");
    const [major = ""] = tag.split(".");
    assert.match(major, /^v\d+$/);
    assert.equal(source.git("rev-parse", major), source.git("rev-parse", tag));
    assert.throws(() => commitRelease(source.root), /is there already: raise the version/);
  });
});
