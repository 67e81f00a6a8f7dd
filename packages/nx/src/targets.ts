/** From a project's facts to its nx targets. Pure: the same facts and tool give the same targets. */
import type { TargetConfiguration } from "@nx/devkit";
import { isSafeName, type ProjectFacts } from "./facts.js";

type InputDefinition = NonNullable<TargetConfiguration["inputs"]>[number];

/** How gitune is called, and what its results depend on beside the project. */
export interface Tool {
  /** The start of each command line, e.g. `gitune`. From nx.json, so as trusted as any target there. */
  readonly bin: string;
  /** What stands for gitune's version in the hash of a task. */
  readonly inputs: readonly InputDefinition[];
  /** The ref whose merge-base with HEAD the gate compares to. */
  readonly baseRef: string;
}

/** What the workspace adds to one project's facts. */
export interface Surroundings {
  /** The base model's files (globs from the workspace's root); none where it comes from the Hub, by revision. */
  readonly baseFiles: readonly string[];
  /** The facts of the mixed-in projects that exist. */
  readonly mixed: readonly ProjectFacts[];
}

/** Paths go into a shell's command line inside double quotes: no quote, no expansion, no separator. */
const SAFE_PATH = /^[\p{L}\p{N}._/@+=, -]+$/u;

/**
 * `validate`, and as far as the config has a base, suites, sources and a safe folder name: `train`, `eval`, `gate`, `refresh`.
 * Inputs are all that a verb reads; outputs all that it writes. Each is cached, but for `refresh`.
 */
export function inferTargets(
  facts: ProjectFacts,
  around: Surroundings,
  tool: Tool,
): Record<string, TargetConfiguration> {
  const config = "{projectRoot}/gitune.yaml";
  const files = (paths: readonly string[]): string[] => paths.map((path) => toInput(facts.dir, path));
  const rows = facts.splits ? files([...facts.splits.values()].flat()) : ["{projectRoot}/**/*.jsonl"];
  const mixedRows = files(around.mixed.flatMap(trainGlobs));
  const schema = facts.schema ? files([facts.schema]) : [];
  const suites = files(facts.suites);
  const base = files(around.baseFiles);
  const toolInputs = [...tool.inputs];
  const checked: InputDefinition[] = unique([config, ...rows, ...mixedRows, ...schema, ...suites, ...base]);

  const targets: Record<string, TargetConfiguration> = {
    validate: task({
      // A project without a usable name is asked for by its folder's; validating all of them reports why, too.
      command: [tool.bin, "validate", facts.name ?? folderName(facts) ?? []].flat().join(" "),
      description: "Check rows, schemas and config",
      inputs: [...checked, ...toolInputs],
      outputs: [],
    }),
  };
  // Such a folder's name could be a pattern to nx, too: no hash of its files can be relied on.
  if (!SAFE_PATH.test(facts.dir)) return { validate: { ...targets["validate"], cache: false } };
  if (!facts.name || !facts.base) return targets;

  if (facts.hasSources) targets["refresh"] = refreshTask(`${tool.bin} refresh ${facts.name}`);

  const made = `${facts.dir}/.gitune`;
  targets["train"] = task({
    command: `${tool.bin} train ${facts.name} --out "${made}/adapter"`,
    description: "Train the adapter",
    dependsOn: [
      "validate",
      ...(around.mixed.length > 0 ? [{ projects: around.mixed.map(nxName), target: "validate" }] : []),
    ],
    // The suites are not trained on; the validate before looks at them.
    inputs: [...unique([config, ...rows, ...mixedRows, ...schema, ...base]), ...toolInputs],
    outputs: ["{projectRoot}/.gitune/adapter"],
  });
  if (facts.suites.length === 0) return targets;

  targets["eval"] = task({
    command: `${tool.bin} eval ${facts.name} --adapter "${made}/adapter" --out "${made}/results.json"`,
    description: "Run the eval suites on the base with the adapter",
    dependsOn: ["train"],
    // The adapter's bytes stand for all that trained it.
    inputs: [...unique([config, ...suites, ...base]), { dependentTasksOutputFiles: "**/*" }, ...toolInputs],
    outputs: ["{projectRoot}/.gitune/results.json"],
  });
  targets["gate"] = {
    ...task({
      command: `${tool.bin} run ${facts.name} --base ${tool.baseRef}`,
      description: "Compare with the merge-base by the project's gate",
      dependsOn: ["eval"],
      inputs: [...checked, { runtime: `git merge-base HEAD ${tool.baseRef}` }, ...toolInputs],
      outputs: [`{workspaceRoot}/.gitune/report/${facts.name}`],
    }),
    // Each run replaces the report folder of the whole repository, so never two at a time.
    parallelism: false,
  };
  return targets;
}

/** Never cached: what the sources give is no file that nx could know. Nor beside another: each replaces the report folder. */
function refreshTask(command: string): TargetConfiguration {
  return {
    executor: "nx:run-commands",
    options: { command },
    cache: false,
    parallelism: false,
    metadata: { technologies: ["gitune"], description: "Pull new rows, train and gate them, propose them on a branch" },
  };
}

/** The project's name in nx: its own, or one made of its folder where the file has none that is usable. */
export function nxName(facts: ProjectFacts): string {
  return facts.name ?? facts.dir.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
}

function folderName({ dir }: ProjectFacts): string | null {
  const last = dir.slice(dir.lastIndexOf("/") + 1);
  return isSafeName(last) ? last : null;
}

function trainGlobs(facts: ProjectFacts): readonly string[] {
  return facts.splits?.get("train") ?? [];
}

interface Task {
  readonly command: string;
  readonly description: string;
  readonly dependsOn?: NonNullable<TargetConfiguration["dependsOn"]>;
  readonly inputs: InputDefinition[];
  readonly outputs: string[];
}

function task({ command, description, dependsOn, inputs, outputs }: Task): TargetConfiguration {
  return {
    executor: "nx:run-commands",
    options: { command },
    cache: true,
    ...(dependsOn && { dependsOn }),
    inputs,
    outputs,
    metadata: { technologies: ["gitune"], description },
  };
}

/**
 * A path from the workspace's root in nx's notation. gitune's globs know `*`, `?`, `**` and braces; what else is
 * special to nx becomes `?`, so that nx sees at least the files that gitune reads.
 */
function toInput(dir: string, path: string): string {
  const glob = path.replaceAll(/[[\]()!|^\\]/g, "?");
  return path.startsWith(`${dir}/`) ? `{projectRoot}/${glob.slice(dir.length + 1)}` : `{workspaceRoot}/${glob}`;
}

function unique(inputs: readonly string[]): string[] {
  return [...new Set(inputs)];
}
