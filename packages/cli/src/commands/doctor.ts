/** `gitune doctor`: whether this machine can train what is here, and how to add what is missing. */
import { type Device, discoverProjects, findRepoRoot, GituneError, type Issue, type Project } from "@gitune/core";
import { HubBases } from "../hub-base/hub-bases.js";
import {
  baseFindings,
  type Demands,
  deviceFindings,
  diskFinding,
  type Finding,
  memoryFinding,
  needsOf,
  nodeFinding,
} from "../machine-findings.js";
import { openStore } from "../open-store.js";
import { deviceOption, nonNegative } from "../options.js";
import { textTable } from "../terminal/table.js";
import type { Verb } from "../verb.js";

interface Options {
  readonly device?: Device;
  readonly minMemory: number;
  readonly minDisk: number;
  readonly refresh?: boolean;
}

export const doctor: Verb = {
  configure: (command) =>
    command
      .argument("[project...]", "names; all projects without any")
      .addOption(deviceOption())
      .option("--refresh", "of these projects, those that have refresh sources")
      .option(
        "--min-memory <GiB>",
        "free memory that a device must have, beyond what is known to be needed",
        nonNegative,
        0,
      )
      .option("--min-disk <GiB>", "free disk that there must be, beyond what is known to be needed", nonNegative, 0),
  examples: [
    ["gitune doctor", "devices, memory, disk, base models, and the command that adds what is missing"],
    ["gitune doctor support-tickets --device cuda --min-memory 20", "before a job: can this machine train that?"],
    ["gitune doctor --json", "the same for a program, e.g. to choose a runner"],
  ],
  exitCodes: {
    0: "everything that the projects need is there",
    2: "the repository's config cannot be used, or there is no such project",
    3: "something is missing",
  },
  run: async (context, command) => {
    const { minMemory, minDisk, device, refresh = false } = command.opts<Options>();
    const demands = { memoryBytes: minMemory * 1024 ** 3, diskBytes: minDisk * 1024 ** 3 };
    const root = repositoryOf(context.cwd);
    const found = await discoverProjects(root, command.args);
    const projects = found.projects.filter(({ config }) => !refresh || config.refresh !== null);
    const { dir } = await openStore(root, context);
    const findings = await findAll(projects, device, demands, dir, new HubBases(context));
    const { colors } = context;
    const mark = (finding: Finding) =>
      finding.ok ? colors.green("ok") : finding.isNeeded ? colors.red("missing") : colors.yellow("not here");
    const table = textTable(
      ["", "what", "found"],
      findings.map((finding) => [mark(finding), finding.what, finding.detail]),
      { colors },
    );
    const fixes = findings.flatMap(({ ok, what, fix }) => (ok || fix === undefined ? [] : [`  ${what}: ${fix}`]));
    const missing = findings.filter((finding) => !finding.ok && finding.isNeeded);
    return {
      exitCode: missing.length === 0 ? 0 : 3,
      text: fixes.length > 0 ? `${table}\n\n${colors.bold("To add what is missing:")}\n${fixes.join("\n")}` : table,
      document: {
        version: 1,
        ok: missing.length === 0,
        findings: findings.map(({ isNeeded, memoryBytes, ...rest }) => ({
          ...rest,
          ...(memoryBytes === undefined ? {} : { memory_bytes: memoryBytes }),
          needed: isNeeded,
        })),
        issues: missing.map(toIssue),
      },
    };
  },
};

/** @param device in place of each recipe's own */
async function findAll(
  projects: readonly Project[],
  device: Device | undefined,
  demands: Demands,
  store: string,
  bases: HubBases,
): Promise<readonly Finding[]> {
  const { probeDevices, resolveDevice } = await import("@gitune/train");
  const needy = await Promise.all(
    projects.map((project) => needsOf(project, resolveDevice(device ?? project.config.train.device), bases)),
  );
  const disk = await diskFinding(store, needy, demands);
  return [
    nodeFinding(process.versions.node),
    memoryFinding(),
    ...(await probeDevices()).flatMap((report) => deviceFindings(report, needy, demands)),
    disk,
    // Opening a base may unpack it, so not where that would fill the disk.
    ...(disk.ok ? await baseFindings(projects, bases) : []),
  ];
}

/** Outside of a repository the machine is all there is to look at. */
function repositoryOf(cwd: string): string {
  try {
    return findRepoRoot(cwd);
  } catch (error) {
    if (error instanceof GituneError) return cwd;
    throw error;
  }
}

function toIssue({ what, detail, fix }: Finding): Issue {
  const message = `${what}: ${detail}`;
  return { code: "machine.missing", severity: "error", message, ...(fix === undefined ? {} : { fix }) };
}
