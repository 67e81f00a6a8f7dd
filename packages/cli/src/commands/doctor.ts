/** `gitune doctor`: what this machine can run, and how to add what is missing. */
import { freemem, totalmem } from "node:os";
import { discoverProjects, findRepoRoot, GituneError, type Project } from "@gitune/core";
import { textTable } from "../terminal/table.js";
import type { Verb } from "../verb.js";

interface Finding {
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

/** As `engines` in package.json says. */
const MINIMUM_NODE = [20, 12] as const;
/** About what the small base needs to train at its default recipe; larger bases need more. */
const MINIMUM_MEMORY_BYTES = 2 * 1024 ** 3;

export const doctor: Verb = {
  configure: () => undefined,
  examples: [
    ["gitune doctor", "devices, memory, base models, and the command that adds what is missing"],
    ["gitune doctor --json", "the same for a program, e.g. to choose a runner"],
  ],
  exitCodes: {
    0: "everything that the projects need is there",
    2: "the repository's config cannot be used",
    3: "something is missing",
  },
  run: async (context) => {
    const { probeDevices } = await import("@gitune/train");
    const devices = await probeDevices();
    const findings: Finding[] = [nodeFinding(process.versions.node), memoryFinding()];
    for (const device of devices) {
      findings.push({
        what: `device ${device.device}`,
        ok: device.available,
        detail: `${device.detail}${device.memoryBytes === undefined ? "" : `, ${gibibytes(device.memoryBytes)}`}`,
        ...(device.memoryBytes === undefined ? {} : { memoryBytes: device.memoryBytes }),
        ...(device.fix === undefined ? {} : { fix: device.fix }),
        isNeeded: device.device === "cpu",
      });
    }
    findings.push(...(await baseFindings(context.cwd)));

    const { colors } = context;
    const mark = (finding: Finding) =>
      finding.ok ? colors.green("ok") : finding.isNeeded ? colors.red("missing") : colors.yellow("not here");
    const table = textTable(
      ["", "what", "found"],
      findings.map((finding) => [mark(finding), finding.what, finding.detail]),
      { colors },
    );
    const fixes = findings.flatMap(({ ok, what, fix }) => (ok || fix === undefined ? [] : [`  ${what}: ${fix}`]));
    const ok = findings.every((finding) => finding.ok || !finding.isNeeded);
    return {
      exitCode: ok ? 0 : 3,
      text: fixes.length > 0 ? `${table}\n\n${colors.bold("To add what is missing:")}\n${fixes.join("\n")}` : table,
      document: {
        version: 1,
        ok,
        findings: findings.map(({ isNeeded, memoryBytes, ...rest }) => ({
          ...rest,
          ...(memoryBytes === undefined ? {} : { memory_bytes: memoryBytes }),
          needed: isNeeded,
        })),
      },
    };
  },
};

/** @internal exported for its test */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const ok = major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
  const fix = "install Node.js 24, e.g. from https://nodejs.org";
  return { what: "node", ok, detail: version, ...(ok ? {} : { fix }), isNeeded: true };
}

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

function memoryFinding(): Finding {
  return {
    what: "memory",
    ok: totalmem() >= MINIMUM_MEMORY_BYTES,
    detail: `${gibibytes(freemem())} of ${gibibytes(totalmem())} free`,
    isNeeded: false,
  };
}

/** Each base that a project trains on, once. */
async function baseFindings(cwd: string): Promise<readonly Finding[]> {
  const { projects } = await discoverProjects(repositoryOf(cwd));
  const bases = new Map<string, Project>();
  for (const project of projects) {
    const { base, revision } = project.config.train;
    bases.set(`${base}@${revision ?? ""}`, project);
  }
  return Promise.all([...bases.values()].map(baseFinding));
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

async function baseFinding({ config, root, dir }: Project): Promise<Finding> {
  const { openBase } = await import("@gitune/train/tokenizer");
  const { base, revision } = config.train;
  const finding = { what: `base ${base}`, isNeeded: true };
  try {
    const { sha256, config: model } = await openBase({ root, projectDir: dir, base, revision });
    const detail = `${model.layers} layers of ${model.hiddenSize}, sha256 ${sha256.slice(0, 12)}`;
    return { ...finding, ok: true, detail };
  } catch (error) {
    if (!(error instanceof GituneError)) throw error;
    const [issue] = error.issues;
    const fix = issue?.fix === undefined ? {} : { fix: issue.fix };
    return { ...finding, ok: false, detail: issue?.message ?? error.message, ...fix };
  }
}
