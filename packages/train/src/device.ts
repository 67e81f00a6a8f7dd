/** Which engine a device means, and what results computed on it are called in cache keys. */
import { availableParallelism } from "node:os";
import { type Device, GituneError } from "@gitune/core";
import { missingOf, PROVIDERS } from "./backends/onnx/runtime-files.js";
import { findTfjs, isTfjsDevice } from "./backends/tfjs/runtimes.js";
import type { EngineSettings } from "./engine/protocol.js";
import { type Machine, type Missing, thisMachine } from "./machine.js";

/** Changes whenever the same inputs could give other bytes: it is part of every cache key. */
export const ENGINE_VERSION = "8";

/** Threads by default: all that this process may use. */
export const defaultThreads = (): number => availableParallelism();

/** The device that a config's choice means here. `auto` is the CPU until a GPU path was run on hardware. */
export function resolveDevice(device: Device): Exclude<Device, "auto"> {
  return device === "auto" ? "cpu" : device;
}

/**
 * Results of one class are interchangeable: the same inputs give the same bytes. Those of two classes are never mixed
 * in a store or a comparison.
 */
export function deviceClass(device: Device, machine: Machine = thisMachine): string {
  const resolved = resolveDevice(device);
  if (resolved === "cpu") return `cpu-${machine.arch}`;
  if (!isTfjsDevice(resolved)) return resolved;
  const found = findTfjs(resolved, machine);
  // Without a runtime nothing can be computed, so the name of its class never meets a result.
  return typeof found === "string" ? found : resolved;
}

/**
 * What the engine's thread is started with.
 * @throws GituneError `device.unavailable` (exit code 3) with what is missing and the command that adds it
 */
export async function engineSettings(
  device: Device,
  threads: number,
  machine: Machine = thisMachine,
): Promise<EngineSettings> {
  const resolved = resolveDevice(device);
  if (isTfjsDevice(resolved)) {
    const found = findTfjs(resolved, machine);
    if (typeof found !== "string") throw unavailable(resolved, found);
    return { backend: "tfjs", runtime: found, threads };
  }
  const missing = await missingOf(resolved, machine);
  if (missing) throw unavailable(resolved, missing);
  return { backend: "onnx", threads, providers: PROVIDERS[resolved] };
}

function unavailable(device: Device, { detail, fix }: Missing): GituneError {
  return new GituneError(
    { code: "device.unavailable", severity: "error", message: `the device ${device} cannot be used: ${detail}`, fix },
    { exitCode: 3 },
  );
}
