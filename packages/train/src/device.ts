/** What this machine can run, and what a result's device is called in cache keys. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { type Device, GituneError } from "@gitune/core";

/** Changes whenever the same inputs could give other bytes: it is part of every cache key. */
export const ENGINE_VERSION = "2";

export interface DeviceReport {
  readonly device: Device;
  readonly available: boolean;
  /** What it is, or why it is not available. */
  readonly detail: string;
  /** The exact command that adds what is missing. */
  readonly fix?: string;
  readonly memoryBytes?: number;
}

/** Execution providers of ONNX Runtime, first choice first. */
const PROVIDERS: Readonly<Partial<Record<Device, readonly string[]>>> = {
  cpu: ["cpu"],
  cuda: ["cuda", "cpu"],
  webgpu: ["webgpu", "cpu"],
};

/** The device that a config's choice means here. `auto` is the CPU until a GPU path was run on hardware. */
export function resolveDevice(device: Device): Device {
  return device === "auto" ? "cpu" : device;
}

/**
 * The providers of a device.
 * @throws GituneError `device.unavailable` for a device that this build does not drive
 */
export function providersOf(device: Device): readonly string[] {
  const providers = PROVIDERS[resolveDevice(device)];
  if (providers) return providers;
  throw new GituneError({
    code: "device.unavailable",
    severity: "error",
    pointer: "/train/device",
    message: `the ${device} device cannot run training yet`,
    expected: ["auto", ...Object.keys(PROVIDERS)].join(", "),
    found: device,
    fix: "set train.device to auto",
  });
}

/** Results of one class are interchangeable: the same inputs give the same bytes. */
export function deviceClass(device: Device): string {
  const resolved = resolveDevice(device);
  return resolved === "cpu" ? `cpu-${process.arch}` : resolved;
}

/** Threads by default: all that this process may use. */
export const defaultThreads = (): number => availableParallelism();

/** Looks at what is there without starting it. */
export async function probeDevices(): Promise<DeviceReport[]> {
  return [probeCpu(), await probeProvider("cuda"), await probeProvider("webgpu"), probeModule("tfjs-node-gpu")];
}

function probeCpu(): DeviceReport {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  return {
    device: "cpu",
    available: true,
    detail: `${model}, ${availableParallelism()} threads`,
    memoryBytes: totalmem(),
  };
}

/** What ONNX Runtime's GPU providers need beside the package: a driver's trace on this machine, and files of their own. */
const GPU: Readonly<Record<"cuda" | "webgpu", GpuNeeds>> = {
  cuda: {
    driver: { linux: "/proc/driver/nvidia/version" },
    driverFix: "install NVIDIA's driver (525 or later, for CUDA 12), then run gitune doctor again",
    library: { linux: "libonnxruntime_providers_cuda.so", win32: "onnxruntime_providers_cuda.dll" },
    libraryFix: "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false",
  },
  webgpu: {
    driver: { linux: "/dev/dri/renderD128" },
    driverFix: "install a GPU driver with Vulkan",
    library: {},
    libraryFix: "",
  },
};

interface GpuNeeds {
  /** A path that is there when the driver is, by platform; platforms without one have the driver built in. */
  readonly driver: Readonly<Partial<Record<NodeJS.Platform, string>>>;
  readonly driverFix: string;
  /** A file beside the runtime's own, by platform. */
  readonly library: Readonly<Partial<Record<NodeJS.Platform, string>>>;
  readonly libraryFix: string;
}

async function probeProvider(device: "cuda" | "webgpu"): Promise<DeviceReport> {
  const missing = (detail: string, fix: string): DeviceReport => ({ device, available: false, detail, fix });
  const { driver, driverFix, library, libraryFix } = GPU[device];
  try {
    const ort = await import("onnxruntime-node");
    if (!ort.listSupportedBackends().some(({ name }) => name === device)) {
      return { device, available: false, detail: "not in this ONNX Runtime's build for this platform" };
    }
  } catch (error) {
    const detail = `ONNX Runtime does not load: ${error instanceof Error ? error.message : String(error)}`;
    return missing(detail, "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0");
  }
  const trace = driver[process.platform];
  if (trace && !existsSync(trace)) return missing(`no driver: ${trace} is not there`, driverFix);
  const file = library[process.platform];
  if (file && !existsSync(join(runtimeFolder(), file)))
    return missing(`ONNX Runtime's ${file} is not installed`, libraryFix);
  return { device, available: true, detail: "driver and files are there; not yet run on such hardware by us" };
}

/** Where the package keeps its native files for this platform. */
function runtimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  return join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
}

function probeModule(device: "tfjs-node-gpu"): DeviceReport {
  const name = `@tensorflow/${device}`;
  const fix = `npm install ${name} --ignore-scripts=false (Linux with CUDA 11.2)`;
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return { device, available: false, detail: `${name} is installed; its backend is not driven yet` };
  } catch {
    return { device, available: false, detail: `${name} is not installed`, fix };
  }
}
