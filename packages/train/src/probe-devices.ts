/** What this machine can run, looked at without starting it: `gitune doctor`. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Device } from "@gitune/core";
import { missingOf as missingOnnx } from "./backends/onnx/runtime-files.js";
import { findTfjs, TFJS_RUNTIMES, type TfjsDevice } from "./backends/tfjs/runtimes.js";
import { type Machine, type Missing, thisMachine } from "./machine.js";

export interface DeviceReport {
  readonly device: Device;
  readonly available: boolean;
  /** What it is, or why it is not available. */
  readonly detail: string;
  /** The exact command that adds what is missing. */
  readonly fix?: string;
  /** What the device computes in: a GPU's own memory, or what it can address of the machine's. */
  readonly memoryBytes?: number;
}

type Found = Pick<DeviceReport, "detail" | "memoryBytes">;
type Probe = (machine: Machine) => Promise<Found | Missing>;

const UNTRIED = "not yet run on such hardware by us";

const PROBES: { readonly [K in Exclude<Device, "auto">]: Probe } = {
  cpu: async (machine) => (await missingOnnx("cpu", machine)) ?? processor(),
  cuda: async (machine) => (await missingOnnx("cuda", machine)) ?? nvidia(machine),
  webgpu: async (machine) =>
    (await missingOnnx("webgpu", machine)) ?? { detail: `driver and files are there; ${UNTRIED}` },
  "tfjs-node-gpu": (machine) => tfjs("tfjs-node-gpu", machine),
  "tfjs-node": (machine) => tfjs("tfjs-node", machine),
  tfjs: (machine) => tfjs("tfjs", machine),
};

/** Every device: whether it is there, and what is missing where it is not. */
export function probeDevices(machine: Machine = thisMachine): Promise<DeviceReport[]> {
  return Promise.all(
    (Object.keys(PROBES) as Exclude<Device, "auto">[]).map(async (device) => {
      const found = await PROBES[device](machine);
      return { device, available: !("fix" in found), ...found };
    }),
  );
}

function processor(): Found {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  return { detail: `${model}, ${availableParallelism()} threads`, memoryBytes: totalmem() };
}

async function tfjs(device: TfjsDevice, machine: Machine): Promise<Found | Missing> {
  const found = findTfjs(device, machine);
  if (typeof found !== "string") return found;
  if (found === "tfjs-node-gpu") return nvidia(machine);
  const limit = TFJS_RUNTIMES[found].memoryBytes ?? Number.POSITIVE_INFINITY;
  return { detail: `TensorFlow.js on ${found}`, memoryBytes: Math.min(totalmem(), limit) };
}

/** The first GPU by NVIDIA's own tool, which tells more than the driver's files. */
async function nvidia(machine: Machine): Promise<Found> {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const [first] = (await machine.ask("nvidia-smi", query))?.split("\n") ?? [];
  const [, name, mebibytes] = /^(.+), *(\d+)\s*$/.exec(first ?? "") ?? [];
  if (!name) return { detail: `driver and files are there; ${UNTRIED}` };
  return { detail: `${name}; ${UNTRIED}`, memoryBytes: Number(mebibytes) * 1024 ** 2 };
}
