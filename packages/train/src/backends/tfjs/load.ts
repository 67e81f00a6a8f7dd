import { createRequire } from "node:module";
import { GituneError } from "@gitune/core";
import { installCommand, rebuildCommand, TFJS_RUNTIMES, type TfjsRuntime } from "./runtimes.js";

/** TensorFlow.js's API: every runtime has the same. */
export type Tf = typeof import("@tensorflow/tfjs-core");

export interface TfjsOptions {
  readonly runtime: TfjsRuntime;
  /** Threads inside one op, where the runtime has threads: the native ones. */
  readonly threads: number;
}

/**
 * Loads a runtime and makes it the one that computes in this thread: TensorFlow.js has a single engine a thread.
 * Its packages are imported here and nowhere else.
 * @throws GituneError `engine.missing` where a package is absent or does not load, `device.unavailable` without its GPU
 */
export async function loadTfjs({ runtime, threads }: TfjsOptions): Promise<Tf> {
  const { packages, backend, isNative } = TFJS_RUNTIMES[runtime];
  if (isNative) prepareNative(threads);
  const tf = await importAll(packages);
  // Without it TensorFlow.js advertises its other packages on stderr.
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw missing(runtime, `its backend ${backend} does not start`);
  if (runtime === "tfjs-node-gpu" && !(tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice) {
    throw new GituneError(
      {
        code: "device.unavailable",
        severity: "error",
        message: "TensorFlow finds no GPU that it can use",
        fix: "install CUDA 11.2 with cuDNN 8.1 and put both on LD_LIBRARY_PATH, or set train.device to tfjs-node",
      },
      { exitCode: 3 },
    );
  }
  return tf;

  async function importAll([api, ...rest]: readonly [string, ...string[]]): Promise<Tf> {
    try {
      // Names from a table: the native packages are in no lockfile that has to install everywhere.
      const loaded = (await import(api)) as Tf & { readonly default?: Tf };
      for (const name of rest) await import(name);
      return loaded.default ?? loaded;
    } catch (cause) {
      throw missing(runtime, cause instanceof Error ? cause.message.split("\n")[0]! : String(cause), cause);
    }
  }
}

function missing(runtime: TfjsRuntime, why: string, cause?: unknown): GituneError {
  const { packages, isNative } = TFJS_RUNTIMES[runtime];
  const names = packages.join(" and ");
  return new GituneError(
    {
      code: "engine.missing",
      severity: "error",
      message: `${names} ${packages.length > 1 ? "do" : "does"} not load: ${why}`,
      fix: isNative ? rebuildCommand(runtime) : installCommand(runtime),
    },
    { exitCode: 3, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Before a native package is loaded, since TensorFlow reads the environment once. */
function prepareNative(threads: number): void {
  Object.assign(process.env, {
    // Sums by index are added in order, on a GPU too.
    TF_DETERMINISTIC_OPS: "1",
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    TF_CPP_MIN_LOG_LEVEL: "2",
  });
  restoreUtil(createRequire(import.meta.url)("node:util"));
}

/**
 * Node 23 took `isNullOrUndefined` out of `node:util`, and tfjs-node 4.22, its last release, calls it for every op
 * (tensorflow/tfjs#8609; mended upstream in #8425, never released). It calls `isArray`, too, which only warns so far.
 * @internal exported for its test
 */
export function restoreUtil(util: {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray?: (value: unknown) => boolean;
}): void {
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray = Array.isArray;
}
