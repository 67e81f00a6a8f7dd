/** Which projects a call is about. */
import { discoverProjects, findRepoRoot, GituneError, type Project, refuseOwnFolder } from "@gitune/core";

/**
 * The projects named, or all of them.
 * @throws {GituneError} (exit code 2) where one is not usable, unknown, or none is there
 */
export async function usableProjects(cwd: string, names: readonly string[]): Promise<readonly Project[]> {
  const root = findRepoRoot(cwd);
  await refuseOwnFolder(root);
  const { projects, issues } = await discoverProjects(root, names);
  const errors = issues.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new GituneError(errors);
  if (projects.length === 0) throw noProjects(root);
  return projects;
}

/**
 * The one project of a call that works on one: named, or the only one there.
 * @throws {GituneError} `cli.usage` where the choice is open
 */
export async function usableProject(cwd: string, name: string | undefined): Promise<Project> {
  const projects = await usableProjects(cwd, name === undefined ? [] : [name]);
  const [project] = projects;
  if (project && projects.length === 1) return project;
  const known = projects.map(({ config }) => config.name);
  throw new GituneError({
    code: "cli.usage",
    severity: "error",
    message: `there are ${projects.length} projects: name one`,
    expected: `one of ${known.join(", ")}`,
  });
}

export function noProjects(root: string): GituneError {
  return new GituneError({
    code: "cli.usage",
    severity: "error",
    message: `no project found: there is no gitune.yaml below ${root}/datasets`,
    fix: "gitune init finds your rows and writes one, or an example",
  });
}
