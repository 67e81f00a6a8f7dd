/** nx's side of the plugin: which files are projects, and which projects depend on which. */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import {
  type CreateDependencies,
  type CreateNodesContext,
  type CreateNodesResult,
  type CreateNodesV2,
  createNodesFromFiles,
  DependencyType,
} from "@nx/devkit";
import { inWorkspace, type ProjectFacts, readFacts } from "./facts.js";
import { inferTargets, nxName, type Tool } from "./targets.js";

/** The plugin's `options` in nx.json. */
export interface GituneNxOptions {
  /** The start of each command line, run at the workspace's root. Default: `gitune`. */
  readonly bin?: string;
  /**
   * nx inputs that stand for gitune's version. Default: the external dependency `gitune` where the root package.json
   * lists it, else what `<bin> --version` prints.
   */
  readonly toolInputs?: Tool["inputs"];
}

const CONFIG_FILES = "datasets/**/gitune.yaml";

/**
 * Infers one nx project per `gitune.yaml` below `datasets/`, with the targets validate, train, eval, gate and, where it has sources, refresh.
 * nx 22 and later call it by this name, nx 21 by `createNodesV2`.
 */
export const createNodes: CreateNodesV2<GituneNxOptions> = [
  CONFIG_FILES,
  async (files, options, context) => {
    // As gitune itself looks for projects: not in hidden folders.
    const configFiles = files.filter((file) => !/(?:^|\/)\./.test(file));
    const tool = resolveTool(options, context);
    const all = await Promise.all(configFiles.map((file) => readFactsOf(file, context.workspaceRoot)));
    const byFile = new Map(configFiles.map((file, i) => [file, all[i]]));
    const byName = new Map(all.map((facts) => [facts.name, facts]));
    return createNodesFromFiles(
      (file): CreateNodesResult => {
        const facts = byFile.get(file);
        if (!facts) return {};
        const mixed = facts.mix.flatMap((name) => byName.get(name) ?? []).filter((other) => other !== facts);
        const baseFiles = findBaseFiles(facts, context.workspaceRoot);
        return {
          projects: {
            [facts.dir]: {
              name: nxName(facts),
              root: facts.dir,
              projectType: "library",
              tags: ["gitune"],
              metadata: { technologies: ["gitune"], description: facts.description },
              targets: inferTargets(facts, { baseFiles, mixed }, tool),
            },
          },
        };
      },
      configFiles,
      options,
      context,
    );
  },
];

/** The same value under the name that nx 21 knows. */
export const createNodesV2: CreateNodesV2<GituneNxOptions> = createNodes;

/** An edge from a project to each one that it mixes in, so that `nx affected` follows the rows. */
export const createDependencies: CreateDependencies<GituneNxOptions> = async (_options, context) => {
  const edges = [];
  for (const [source, project] of Object.entries(context.projects)) {
    if (!project.tags?.includes("gitune")) continue;
    const sourceFile = posix.join(project.root, "gitune.yaml");
    const { mix } = await readFactsOf(sourceFile, context.workspaceRoot);
    for (const target of mix) {
      if (target === source || !context.projects[target]?.tags?.includes("gitune")) continue;
      edges.push({ source, target, type: DependencyType.static, sourceFile });
    }
  }
  return edges;
};

function readFactsOf(file: string, workspaceRoot: string): Promise<ProjectFacts> {
  return readFacts(posix.dirname(file), readFileSync(join(workspaceRoot, file), "utf8"));
}

/** A base that is on disk is a folder or a file of the workspace; any other is a Hub id, pinned by its revision. */
function findBaseFiles(facts: ProjectFacts, workspaceRoot: string): readonly string[] {
  const { base, dir } = facts;
  const path = base && inWorkspace(base.startsWith(".") ? dir : ".", base);
  if (!path) return [];
  const found = statSync(join(workspaceRoot, path), { throwIfNoEntry: false });
  if (!found) return [];
  return [found.isDirectory() ? `${path}/**/*` : path];
}

function resolveTool(options: GituneNxOptions | undefined, context: CreateNodesContext): Tool {
  const bin = options?.bin ?? "gitune";
  const inputs =
    options?.toolInputs ??
    (isListed("gitune", context.workspaceRoot)
      ? [{ externalDependencies: ["gitune"] }]
      : [{ runtime: `${bin} --version` }]);
  return { bin, inputs, baseRef: findBaseRef(context) };
}

function isListed(name: string, workspaceRoot: string): boolean {
  const path = join(workspaceRoot, "package.json");
  if (!statSync(path, { throwIfNoEntry: false })) return false;
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, Record<string, string>>>;
  return ["dependencies", "devDependencies"].some((kind) => manifest[kind]?.[name] !== undefined);
}

/** The default branch as nx knows it, of the remote where there is one: CI has no local branch beside its own. */
function findBaseRef({ nxJsonConfiguration, workspaceRoot }: CreateNodesContext): string {
  const branch = nxJsonConfiguration.defaultBase ?? "main";
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(branch)) return "HEAD";
  for (const ref of branch.startsWith("origin/") ? [branch] : [`origin/${branch}`, branch]) {
    if (resolves(ref, workspaceRoot)) return ref;
  }
  return "HEAD";
}

function resolves(ref: string, cwd: string): boolean {
  try {
    execFileSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { cwd, stdio: "ignore" });
    return true;
  } catch {
    // No such ref, or no git: the next candidate.
    return false;
  }
}
