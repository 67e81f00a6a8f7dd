/** What `gitune doctor` finds, and whether it is enough for the projects that are to be trained here. */
import { freemem, totalmem } from "node:os";
import { type Device, GituneError, type Project } from "@gitune/core";
import type { DeviceReport, TrainingNeeds } from "@gitune/train";
import { freeSpace, type HubBase, type HubBases, hubBaseOf } from "./hub-base/hub-bases.js";
import { basePlace } from "./open-base.js";

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  /** The command or change that mends it. */
  readonly fix?: string;
  /** What a device computes in. */
  readonly memoryBytes?: number;
  /** Whether work is impossible without it. */
  readonly isNeeded: boolean;
}

/** What a person asks for beyond what the projects' recipes say. */
export interface Demands {
  /** Free on each device that is needed. */
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** As `engines` in package.json says. */
const MINIMUM_NODE = [20, 12] as const;
/** About what the small base needs to train at its default recipe; larger bases need more. */
const MINIMUM_MEMORY_BYTES = 2 * 1024 ** 3;
/** Token ids, reports, logs and results beside the adapters. */
const SPARE_DISK_BYTES = 0.5 * 1024 ** 3;

/** A project with what its training takes; null where that cannot be told, for which its base's finding says why. */
export interface NeedyProject {
  readonly project: Project;
  readonly device: Exclude<Device, "auto">;
  readonly needs: TrainingNeeds | null;
}

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const ok = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
  const fix = "install Node.js 24, e.g. from https://nodejs.org";
  return { what: "node", ok, detail: version, ...(ok ? {} : { fix }), isNeeded: true };
}

export function memoryFinding(): Finding {
  return {
    what: "memory",
    ok: totalmem() >= MINIMUM_MEMORY_BYTES,
    detail: `${gibibytes(freemem())} of ${gibibytes(totalmem())} free`,
    isNeeded: false,
  };
}

/** One finding for a device that nobody needs; for one that is needed, another about its free memory. */
export function deviceFindings(
  report: DeviceReport,
  projects: readonly NeedyProject[],
  demands: Demands,
): readonly Finding[] {
  const { device, available, detail, memoryBytes, freeMemoryBytes, fix } = report;
  const users = projects.filter((one) => one.device === device);
  const finding: Finding = {
    what: `device ${device}`,
    ok: available,
    detail: `${detail}${memoryBytes === undefined ? "" : `, ${gibibytes(memoryBytes)}`}`,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(fix === undefined ? {} : { fix }),
    isNeeded: device === "cpu" || users.length > 0,
  };
  if (users.length === 0 || !available || freeMemoryBytes === undefined) return [finding];
  const { bytes, why } = most(users, ({ memoryBytes: least }) => least, demands.memoryBytes);
  const ok = freeMemoryBytes >= bytes;
  const other = device === "cpu" ? "end other programs" : "end what else runs on the GPU (nvidia-smi shows it)";
  return [
    finding,
    {
      what: `free memory of ${device}`,
      ok,
      detail: `${gibibytes(freeMemoryBytes)}; ${why} ${gibibytes(bytes)} at least`,
      ...(ok ? {} : { fix: `${other}, or train on a machine with more, or train a smaller base` }),
      isNeeded: true,
    },
  ];
}

/** @param folder where results are kept; it need not be there yet */
export async function diskFinding(
  folder: string,
  projects: readonly NeedyProject[],
  demands: Demands,
): Promise<Finding> {
  const freeBytes = await freeSpace(folder);
  const { bytes, why } = most(projects, ({ diskBytes }) => diskBytes + SPARE_DISK_BYTES, demands.diskBytes);
  const ok = freeBytes >= bytes;
  const fix = `free ${gibibytes(bytes - freeBytes)} on the disk of ${folder}, or keep results on another: GITUNE_STORE=/path/to/folder`;
  return {
    what: "free disk",
    ok,
    detail: `${gibibytes(freeBytes)}; ${why} ${gibibytes(bytes)} at least`,
    ...(ok ? {} : { fix }),
    isNeeded: projects.length > 0 || demands.diskBytes > 0,
  };
}

/** The largest demand, and whose it is. */
function most(
  projects: readonly NeedyProject[],
  bytesOf: (needs: TrainingNeeds) => number,
  demanded: number,
): { readonly bytes: number; readonly why: string } {
  return projects.reduce(
    (largest, { project, needs }) => {
      const bytes = needs === null ? 0 : bytesOf(needs);
      return bytes > largest.bytes ? { bytes, why: `${project.config.name} needs` } : largest;
    },
    { bytes: demanded, why: "needed are" },
  );
}

/** What a project's training takes here, told without opening its base; a base of the Hub must be here for it. */
export async function needsOf(
  project: Project,
  device: Exclude<Device, "auto">,
  bases: HubBases,
): Promise<NeedyProject> {
  const { trainingNeeds } = await import("@gitune/train");
  try {
    const hub = hubBaseOf(project);
    if (hub !== null && (await bases.cached(hub, "identity")) === null) return { project, device, needs: null };
    const needs = await trainingNeeds(project.config.train, device, await basePlace(project, bases, "cached"));
    return { project, device, needs };
  } catch (error) {
    if (error instanceof GituneError) return { project, device, needs: null };
    throw error;
  }
}

/** Each base that a project trains on, once. */
export async function baseFindings(projects: readonly Project[], bases: HubBases): Promise<readonly Finding[]> {
  const named = new Map<string, Project>();
  for (const project of projects) {
    const { base, revision } = project.config.train;
    named.set(`${base}@${revision ?? ""}`, project);
  }
  return Promise.all([...named.values()].map((project) => baseFinding(project, bases)));
}

async function baseFinding(project: Project, bases: HubBases): Promise<Finding> {
  const { openBase } = await import("@gitune/train/tokenizer");
  const finding = { what: `base ${project.config.train.base}`, isNeeded: true };
  const hub = hubBaseOf(project);
  try {
    if (hub !== null && (await bases.cached(hub, "weights")) === null) {
      return { ...finding, ...(await downloadOf(hub, bases)) };
    }
    const { sha256, config: model } = await openBase(await basePlace(project, bases, "cached"));
    const where = hub === null ? "" : ", in the Hub's cache";
    const detail = `${model.layers} layers of ${model.hiddenSize}, sha256 ${sha256.slice(0, 12)}${where}`;
    return { ...finding, ok: true, detail };
  } catch (error) {
    if (!(error instanceof GituneError)) throw error;
    const [issue] = error.issues;
    // Where the Hub cannot be reached from here, the base may be brought.
    const fix = hub !== null && issue?.code === "hub.unreachable" ? bases.command(hub) : issue?.fix;
    return { ...finding, ok: false, detail: issue?.message ?? error.message, ...(fix === undefined ? {} : { fix }) };
  }
}

/** A base that is not here yet is no fault, where it can be downloaded. */
async function downloadOf(hub: HubBase, bases: HubBases): Promise<Pick<Finding, "ok" | "detail" | "fix">> {
  const [bytes, freeBytes] = [await bases.missingBytes(hub), await freeSpace(bases.folder)];
  const detail = `not here yet: ${gibibytes(bytes)} come from the Hub the first time, to ${bases.folder}`;
  if (freeBytes >= bytes) return { ok: true, detail };
  const fix = "free some disk, or name a folder on another: HF_HOME=/path/to/folder";
  return { ok: false, detail: `${detail}, where ${gibibytes(freeBytes)} are free`, fix };
}
