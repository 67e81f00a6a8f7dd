/** Every project's refresh. One that fails does not hold back the others. */
import { GituneError, type Project } from "@gitune/core";
import { openBaseState } from "../pipeline/open-states.js";
import { withinLimit } from "../time-limit.js";
import { type RefreshOptions, refreshProject } from "./refresh-project.js";
import type { ProjectRefresh, RefreshResult } from "./result.js";
import { branchOf } from "./start-state.js";

/**
 * @param names of projects; all that have sources when empty
 * @param options with `timeLimitMinutes` for all of them together: who has none left fails, with what was finished kept
 * @throws {GituneError} `project.unknown` or `cli.usage` for a name that is not to be refreshed
 */
export async function refresh(
  names: readonly string[],
  options: RefreshOptions & { readonly timeLimitMinutes?: number },
): Promise<RefreshResult> {
  const startedMs = Date.now();
  const { state, projects, issues } = await openBaseState(options.root, options.base);
  // What a config says of its sources is all that is needed of it.
  await state.dispose();
  const chosen = choose(projects, names);
  const broken = issues.filter(
    ({ severity, project }) =>
      severity === "error" && (names.length === 0 || project === undefined || names.includes(project)),
  );
  if (broken.length > 0) throw new GituneError(broken);

  const done: ProjectRefresh[] = [];
  const codes: number[] = [];
  for (const project of chosen) {
    const one = { ...project, root: options.root };
    const outcome = await withinLimit(
      options.timeLimitMinutes,
      options.signal,
      (signal) => refreshProject(one, { ...options, signal }),
      startedMs,
    ).catch((error: unknown) => {
      options.signal.throwIfAborted();
      if (!(error instanceof GituneError)) throw error;
      codes.push(error.exitCode);
      return failed(project, error);
    });
    // What waits has been told when it was proposed.
    if (outcome.status === "proposed" && outcome.run?.exitCode === 1) codes.push(1);
    if (outcome.sources.some(({ status }) => status === "failed")) codes.push(3);
    done.push(outcome);
  }
  return { version: 1, base: options.base, exitCode: worst(codes), projects: done };
}

function choose(projects: readonly Project[], names: readonly string[]): readonly Project[] {
  const withSources = projects.filter(({ config }) => config.refresh !== null);
  const known = withSources.map(({ config }) => config.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0)
    return withSources.filter(({ config }) => names.length === 0 || names.includes(config.name));
  throw new GituneError(
    unknown.map((name) => ({
      code: "cli.usage",
      severity: "error",
      message: `there is no project named ${JSON.stringify(name)} with refresh sources`,
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "a gitune.yaml with refresh: { sources: … }",
      found: name,
    })),
  );
}

/** The gate's word comes first; that a source is down is no word of the gate. */
function worst(codes: readonly number[]): RefreshResult["exitCode"] {
  if (codes.includes(2)) return 2;
  if (codes.includes(1)) return 1;
  return codes.includes(3) ? 3 : 0;
}

function failed(project: Project, error: GituneError): ProjectRefresh {
  const { name } = project.config;
  return {
    name,
    status: "failed",
    branch: branchOf(name),
    commit: null,
    sources: [],
    quarantine: {},
    drift: [],
    quarantineFile: null,
    verdict: null,
    run: null,
    issues: error.issues.map((issue) => ({ project: name, ...issue })),
  };
}
