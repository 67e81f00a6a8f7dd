/**
 * Checks what a user gets: packs every publishable package, looks into the tarballs, and installs them into an empty
 * folder outside of the repository, where the CLI and the nx plugin must work. Needs the npm registry.
 *
 *   node scripts/package-check.mjs              all of it
 *   node scripts/package-check.mjs --keep       leaves the folder there, and says where
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = readJson(join(root, "package.json"));
const folder = mkdtempSync(join(tmpdir(), "gitune-packages-"));

/** Files that have no business in a tarball: sources (their types are in .d.ts), tests, the compiler's notes. */
const UNWANTED = /(?:\.test\.|\.tsbuildinfo$|^src\/|^test\/|(?<!\.d)\.[cm]?ts$|(?:^|\/)\.)/;

const CONFIG = `name: small
version: 0.1.0
data:
  format: prompt-completion
  splits: { train: train.jsonl }
train:
  base: HuggingFaceTB/SmolLM2-135M-Instruct
  revision: 0123456789abcdef0123456789abcdef01234567
evals:
  - { name: answers, data: evals/answers.jsonl, metrics: [exact_match] }
`;
const GOOD_ROW = JSON.stringify({ prompt: "Say hello.", completion: "Hello." });
const BAD_ROW = JSON.stringify({ prompt: "Say hello.", completion: 7 });
const EVAL_ROW = JSON.stringify({ prompt: "Say goodbye.", references: ["Goodbye."] });

try {
  const tarballs = packAll();
  for (const { name, tarball, files } of tarballs) {
    step(`${name}: ${files.length} files, nothing unwanted`, () => {
      assert.deepEqual(
        files.filter((file) => UNWANTED.test(file)),
        [],
      );
      for (const file of ["package.json", "dist/index.js", "dist/index.d.ts"]) assert.ok(files.includes(file), file);
    });
    step(`${name}: publint`, () => node(bin("publint"), ["run", tarball, "--strict"]));
    step(`${name}: are the types wrong`, () =>
      node(bin("@arethetypeswrong/cli", "attw"), [tarball, "--profile", "esm-only"]),
    );
  }
  checkInstalled(tarballs);
} finally {
  if (process.argv.includes("--keep")) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

/** @returns {{ name: string, tarball: string, files: string[] }[]} */
function packAll() {
  return readdirSync(join(root, "packages"))
    .filter((dir) => readJson(join(root, "packages", dir, "package.json")).private !== true)
    .map((dir) => {
      const out = npm(
        ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
        join(root, "packages", dir),
      );
      // npm 12 answers an object by package name, earlier ones a list.
      const [packed] = Object.values(JSON.parse(out));
      return {
        name: packed.name,
        tarball: join(folder, packed.filename),
        files: packed.files.map(({ path }) => path),
      };
    });
}

function checkInstalled(tarballs) {
  const project = join(folder, "project");
  write(project, "package.json", JSON.stringify({ name: "empty", private: true }));
  write(project, "datasets/small/gitune.yaml", CONFIG);
  write(project, "datasets/small/evals/answers.jsonl", `${EVAL_ROW}\n`);
  const rows = "datasets/small/train.jsonl";
  write(project, rows, `${GOOD_ROW}\n${BAD_ROW}\n`);
  write(project, "nx.json", JSON.stringify({ plugins: ["@gitune/nx"], analytics: false, neverConnectToCloud: true }));
  write(project, ".gitignore", "node_modules\n.nx\n.gitune\n");
  run("git", ["init", "-q", "-b", "main"], project);

  step("all of them install into an empty folder", () => {
    const nx = ["nx", "@nx/devkit"].map((name) => `${name}@${manifest.devDependencies.nx}`);
    // Scripts off: onnxruntime-node's fetches CUDA files from a host that CI may not reach (docs/dependencies.md).
    npm(
      ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...tarballs.map((each) => each.tarball), ...nx],
      project,
    );
  });

  const cli = join(project, "node_modules", ".bin", "gitune");
  step("gitune --version prints the version", () => {
    assert.equal(run(cli, ["--version"], project).trim(), readJson(join(root, "packages/cli/package.json")).version);
  });

  const loaded = join(folder, "loaded.txt");
  step("gitune validate names the bad row, its line and its file, and exits with 1", () => {
    const { status, stdout } = spawn(cli, ["validate", "--json"], project, recorder(loaded));
    const report = JSON.parse(stdout);
    assert.equal(status, 1, stdout);
    assert.equal(report.ok, false);
    const issues = report.projects.flatMap((each) => each.issues).filter((issue) => issue.severity === "error");
    assert.deepEqual(
      issues.map(({ file, line }) => ({ file, line })),
      [{ file: rows, line: 2 }],
      stdout,
    );
  });
  step("gitune validate loads neither onnxruntime nor tfjs", () => {
    const files = readFileSync(loaded, "utf8").split("\n");
    assert.ok(
      files.some((file) => file.includes("@gitune/core/dist/index.js")),
      "the recorder saw nothing",
    );
    assert.deepEqual(
      files.filter((file) => /onnxruntime|tensorflow|tfjs/.test(file)),
      [],
    );
  });
  step("gitune validate is content without the bad row", () => {
    write(project, rows, `${GOOD_ROW}\n`);
    run(cli, ["validate"], project);
  });

  step("the nx plugin infers the project, and its second validate is a cache hit", () => {
    const nx = join(project, "node_modules", ".bin", "nx");
    const env = { NX_DAEMON: "false", CI: "true" };
    assert.deepEqual(JSON.parse(run(nx, ["show", "projects", "--json"], project, env)), ["small"]);
    run(nx, ["run", "small:validate"], project, env);
    assert.match(run(nx, ["run", "small:validate"], project, env), /read the output from the cache|\[local cache\]/i);
  });
}

/**
 * The environment of a Node that notes each file it loads: ES modules by a resolve hook, CommonJS ones by a wrapped
 * resolver, native libraries as the process reports them at its end.
 */
function recorder(out) {
  const note = `(line) => require("node:fs").appendFileSync(${JSON.stringify(out)}, line + "\\n")`;
  const hooks = `
    import { createRequire } from "node:module";
    const require = createRequire(${JSON.stringify(import.meta.url)});
    const note = ${note};
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context);
      note(found.url);
      return found;
    }`;
  write(folder, "hooks.mjs", hooks);
  const preload = `
    const Module = require("node:module");
    const note = ${note};
    const original = Module._resolveFilename;
    Module._resolveFilename = function (...args) {
      const file = original.apply(this, args);
      note(file);
      return file;
    };
    Module.register(${JSON.stringify(pathToFileURL(join(folder, "hooks.mjs")).href)});
    process.on("exit", () => process.report.getReport().sharedObjects.forEach(note));`;
  write(folder, "preload.cjs", preload);
  return { NODE_OPTIONS: `--require ${join(folder, "preload.cjs")}` };
}

function step(what, check) {
  const started = performance.now();
  try {
    check();
  } catch (error) {
    console.error(`FAIL ${what}`);
    throw error;
  }
  console.log(`ok   ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

/** The npm that runs this script, or the one of the PATH. */
function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith(".js") ? run(process.execPath, [cli, ...args], cwd) : run("npm", args, cwd);
}

function node(script, args) {
  return run(process.execPath, [script, ...args], root);
}

function run(command, args, cwd, env = {}) {
  const { status, stdout, stderr } = spawn(command, args, cwd, env);
  assert.equal(status, 0, `${command} ${args.join(" ")} exited with ${status}\n${stdout}${stderr}`);
  return stdout;
}

function spawn(command, args, cwd, env) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_config_ignore_scripts|NX_.*)$/i.test(name),
  );
  const result = spawnSync(command, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error) throw result.error;
  return result;
}

/** The script of a package's command. */
function bin(name, command = name) {
  const path = join(root, "node_modules", name);
  const { bin: commands } = readJson(join(path, "package.json"));
  return join(path, typeof commands === "string" ? commands : commands[command]);
}

function write(base, file, text) {
  const path = join(base, file);
  if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
