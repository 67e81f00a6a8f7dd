/** What this machine can run, and what a result's device is called in cache keys. */

import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { type Device, GituneError } from "@gitune/core";

/** Changes whenever the same inputs could give other bytes: it is part of every cache key. */
export const ENGINE_VERSION = "1";

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

const INSTALL: Readonly<Record<"cuda" | "webgpu", string>> = {
  cuda: "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false",
  webgpu: "install a GPU driver with Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows)",
};

async function probeProvider(device: "cuda" | "webgpu"): Promise<DeviceReport> {
  try {
    const ort = await import("onnxruntime-node");
    const listed = ort.listSupportedBackends().find(({ name }) => name === device);
    if (listed)
      return { device, available: true, detail: "built into this ONNX Runtime; not yet run on hardware by us" };
    return { device, available: false, detail: "not in this ONNX Runtime", fix: INSTALL[device] };
  } catch (error) {
    const detail = `ONNX Runtime does not load: ${error instanceof Error ? error.message : String(error)}`;
    return {
      device,
      available: false,
      detail,
      fix: "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0",
    };
  }
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
