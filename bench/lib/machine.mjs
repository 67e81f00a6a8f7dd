/** What a result was measured on. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release, totalmem } from "node:os";

const PYTHON_PACKAGES = ["torch", "transformers", "peft", "numpy"];

/**
 * @param {string} python the peer's interpreter
 * @param {number} threads that every side is given
 */
export function describeMachine(python, threads) {
  const require = createRequire(new URL("../../packages/train/package.json", import.meta.url));
  const probe = `import importlib.metadata as m, platform, json; print(json.dumps({"python": platform.python_version(), **{n: m.version(n) for n in ${JSON.stringify(PYTHON_PACKAGES)}}}))`;
  return {
    cpu: cpus()[0]?.model.trim(),
    cores: availableParallelism(),
    threads,
    memoryBytes: totalmem(),
    vector: vectorUnits(),
    kernel: release(),
    versions: {
      node: process.versions.node,
      "onnxruntime-node": readVersion(require, "onnxruntime-node"),
      ...JSON.parse(execFileSync(python, ["-c", probe], { encoding: "utf8" })),
    },
    commit: commit(),
  };
}

/** What tells machines apart: the processor, and its instructions for products (a guest may be shown fewer). */
export const nameOf = ({ cpu, vector }) => `${cpu}: ${vector.join(", ")}`;

/** The instruction sets that decide a GEMM's rate. */
export function vectorUnits() {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].trim().split(" "));
  return ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"].filter((flag) => flags.has(flag));
}

const readVersion = (require, name) =>
  JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;

/** Empty outside a repository: an unpacked archive can be measured too. */
function commit() {
  const git = (...args) => {
    const { status, stdout } = spawnSync("git", args, { cwd: new URL(".", import.meta.url), encoding: "utf8" });
    return status === 0 ? stdout.trim() : "";
  };
  return (
    git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") ? " and changes" : "")
  );
}
