/** The sides of a comparison: how each is started. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quiet } from "../../scripts/parity/environment.mjs";
import { Side } from "./side.mjs";

const folder = (name) => fileURLToPath(new URL(`../${name}/`, import.meta.url));

/** A machine's own tuning of one BLAS is no setting of a peer. */
const WITHOUT_OVERRIDES = { OPENBLAS_CORETYPE: undefined, OPENBLAS_L2_SIZE: undefined };

export const RECIPE = { r: 8, learningRate: 1e-4, weightDecay: 0.01, maxGradNorm: 1 };
export const TARGETS = {
  "q,v": ["q_proj", "v_proj"],
  "all linear": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
};

/**
 * A Node process of this folder's `lib/`.
 * @param {{ name: string, script: string, settings: object, env?: Record<string, string | undefined> }} what
 */
export const nodeSide = ({ name, script, settings, env }) =>
  new Side({ name, command: process.execPath, args: [join(folder("lib"), script), JSON.stringify(settings)], env });

/**
 * A Python process of this folder's `peer/`.
 * @param {{ python: string }} environment
 * @param {{ name: string, script: string, settings: object, env?: Record<string, string | undefined> }} what
 */
export const peerSide = ({ python }, { name, script, settings, env = {} }) =>
  new Side({
    name,
    command: python,
    args: [join(folder("peer"), script), JSON.stringify(settings)],
    env: { ...quiet(), ...WITHOUT_OVERRIDES, ...env },
  });

/**
 * MKL inside PyTorch's wheel takes its AVX2 code on other processors than Intel's. A preloaded library that answers its
 * question differently gives the peer a quarter more in float32, so the peer has it wherever a C compiler is there.
 * @param {string} cache where the library is kept
 * @returns {Record<string, string>} environment variables; none where it cannot be built
 */
export function mklShim(cache) {
  const library = join(cache, "mkl-shim.so");
  if (!existsSync(library)) {
    mkdirSync(cache, { recursive: true });
    spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, join(folder("peer"), "mkl-shim.c")]);
  }
  return existsSync(library) ? { LD_PRELOAD: library } : {};
}
