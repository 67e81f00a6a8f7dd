/** The ways to run TensorFlow.js, what each needs on a machine, and how to get it. Nothing is loaded here. */
import { join } from "node:path";
import type { Device } from "@gitune/core";
import type { Machine, Missing } from "../../machine.js";

export type TfjsDevice = Extract<Device, `tfjs${string}`>;
export type TfjsRuntime = "tfjs-node-gpu" | "tfjs-node" | "tfjs-wasm" | "tfjs-cpu";

export interface RuntimeNeeds {
  /** npm packages, in the order of loading: the first has the API, the last one registers the backend. */
  readonly packages: readonly [string, ...string[]];
  /** What TensorFlow.js calls the backend. */
  readonly backend: string;
  /** An install script of the package downloads TensorFlow's C library and an addon for it. */
  readonly isNative: boolean;
  /** The path of a file that is there when the hardware's driver is. */
  readonly driver?: string;
  /** What it can address at most. */
  readonly memoryBytes?: number;
}

/** Fastest first. */
export const TFJS_RUNTIMES: { readonly [K in TfjsRuntime]: RuntimeNeeds } = {
  "tfjs-node-gpu": {
    packages: ["@tensorflow/tfjs-node-gpu"],
    backend: "tensorflow",
    isNative: true,
    driver: "/proc/driver/nvidia/version",
  },
  "tfjs-node": { packages: ["@tensorflow/tfjs-node"], backend: "tensorflow", isNative: true },
  "tfjs-wasm": {
    packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
    backend: "wasm",
    isNative: false,
    memoryBytes: 2 ** 32,
  },
  "tfjs-cpu": {
    packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"],
    backend: "cpu",
    isNative: false,
  },
};

/** The one version that everything here is tested with; the native packages end with it. */
const VERSION = "4.22.0";

/** What a device may run on, first choice first. A native device that was named is never replaced by another. */
const CHOICES: { readonly [K in TfjsDevice]: readonly [TfjsRuntime, ...TfjsRuntime[]] } = {
  "tfjs-node-gpu": ["tfjs-node-gpu"],
  "tfjs-node": ["tfjs-node"],
  tfjs: ["tfjs-node-gpu", "tfjs-node", "tfjs-wasm", "tfjs-cpu"],
};

export const isTfjsDevice = (device: Device): device is TfjsDevice => Object.hasOwn(CHOICES, device);

/** The runtime that a device means on this machine, by the files that are there; else what is missing. */
export function findTfjs(device: TfjsDevice, machine: Machine): TfjsRuntime | Missing {
  const choices = CHOICES[device];
  const found = choices.find((runtime) => missingOf(runtime, machine) === null);
  if (found) return found;
  // Of several, the one that installs everywhere.
  return missingOf(choices.length > 1 ? "tfjs-wasm" : choices[0], machine)!;
}

/** What a runtime lacks here; null where nothing is missing. */
export function missingOf(runtime: TfjsRuntime, machine: Machine): Missing | null {
  const { packages, isNative, driver } = TFJS_RUNTIMES[runtime];
  const absent = packages.filter((name) => machine.packageFolder(name) === null);
  if (absent.length > 0) {
    return {
      detail: `${absent.join(" and ")} ${absent.length > 1 ? "are" : "is"} not installed`,
      fix: installCommand(runtime),
    };
  }
  if (isNative && !hasAddon(packages[0], machine)) {
    return {
      detail: `${packages[0]} has no addon: its install script did not run, or could not download`,
      fix: rebuildCommand(runtime),
    };
  }
  if (driver && !machine.exists(driver)) {
    return {
      detail: `no NVIDIA driver: ${driver} is not there`,
      fix: "install NVIDIA's driver and CUDA 11.2 with cuDNN 8.1 (Linux)",
    };
  }
  return null;
}

export function installCommand(runtime: TfjsRuntime): string {
  const { packages, isNative } = TFJS_RUNTIMES[runtime];
  const wanted = packages.map((name) => `${name}@${VERSION}`).join(" ");
  return `npm install ${wanted}${isNative ? " --ignore-scripts=false" : ""}`;
}

/** Runs a native package's install script again. */
export function rebuildCommand(runtime: TfjsRuntime): string {
  return `npm rebuild ${TFJS_RUNTIMES[runtime].packages[0]} --ignore-scripts=false`;
}

/** The addon lies in a folder for each version of Node's interface: lib/napi-v8/tfjs_binding.node. */
function hasAddon(name: string, machine: Machine): boolean {
  const lib = join(machine.packageFolder(name)!, "lib");
  return machine.list(lib).some((folder) => machine.exists(join(lib, folder, "tfjs_binding.node")));
}
