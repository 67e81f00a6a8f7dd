/** What this machine can run, looked at without starting it: `gitune doctor`. */
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
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
  /** What of it nobody uses now. */
  readonly freeMemoryBytes?: number;
}

type Found = Pick<DeviceReport, "detail" | "memoryBytes" | "freeMemoryBytes">;
type Probe = (machine: Machine) => Promise<Found | Missing>;

const UNTRIED = "not yet run on such hardware by us";
/** The first major versions of NVIDIA's driver for Linux that serve CUDA 12 and 11.2 (release notes of the CUDA toolkit). */
const DRIVER_OF_CUDA_12 = 525;
const DRIVER_OF_CUDA_11 = 460;
const GPU_FACTS = "name,driver_version,memory.total,memory.free";

const PROBES: { readonly [K in Exclude<Device, "auto">]: Probe } = {
  cpu: async (machine) => (await missingOnnx("cpu", machine)) ?? processor(),
  cuda: async (machine) => (await missingOnnx("cuda", machine)) ?? nvidia(machine, DRIVER_OF_CUDA_12),
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
  return { detail: `${model}, ${availableParallelism()} threads`, ...mainMemory() };
}

/** The machine's, or less where a container may use less. */
function mainMemory(): Required<Pick<Found, "memoryBytes" | "freeMemoryBytes">> {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { memoryBytes: Math.min(totalmem(), limit), freeMemoryBytes: Math.min(freemem(), limit) };
}

async function tfjs(device: TfjsDevice, machine: Machine): Promise<Found | Missing> {
  const found = findTfjs(device, machine);
  if (typeof found !== "string") return found;
  if (found === "tfjs-node-gpu") return nvidia(machine, DRIVER_OF_CUDA_11);
  const limit = TFJS_RUNTIMES[found].memoryBytes ?? Number.POSITIVE_INFINITY;
  const { memoryBytes, freeMemoryBytes } = mainMemory();
  return {
    detail: `TensorFlow.js on ${found}`,
    memoryBytes: Math.min(memoryBytes, limit),
    freeMemoryBytes: Math.min(freeMemoryBytes, limit),
  };
}

/** The GPU that CUDA takes first, by NVIDIA's own tool, which tells more than the driver's files. */
async function nvidia(machine: Machine, leastDriver: number): Promise<Found | Missing> {
  const [visible = ""] = (machine.env["CUDA_VISIBLE_DEVICES"] ?? "").split(",");
  const chosen = /^(\d+|GPU-[0-9a-f-]+)$/.test(visible) ? [`--id=${visible}`] : [];
  const query = [...chosen, `--query-gpu=${GPU_FACTS}`, "--format=csv,noheader,nounits"];
  const [first = ""] = (await machine.ask("nvidia-smi", query))?.split("\n") ?? [];
  const cells = first.split(",").map((cell) => cell.trim());
  const [driver = "", total = "", free = ""] = cells.slice(-3);
  const name = cells.slice(0, -3).join(", ");
  const major = Number(/^(\d+)\./.exec(driver)?.[1]);
  if (name === "" || !Number.isInteger(major)) {
    return {
      detail: "nvidia-smi does not say which GPU is there, so the driver does not work",
      fix: "run nvidia-smi and do what it says: restart after an update of the driver; in a container, NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    };
  }
  if (major < leastDriver) {
    return {
      detail: `${name}: its driver ${driver} is older than ${leastDriver}`,
      fix: `install NVIDIA's driver, ${leastDriver} or later`,
    };
  }
  return {
    detail: `${name}, driver ${driver}; ${UNTRIED}`,
    ...(isCount(total) ? { memoryBytes: mebibytes(total) } : {}),
    ...(isCount(free) ? { freeMemoryBytes: mebibytes(free) } : {}),
  };
}

/** A GPU that shares the machine's memory says "[N/A]". */
const isCount = (text: string): boolean => /^\d+$/.test(text);
const mebibytes = (text: string): number => Number(text) * 1024 ** 2;
