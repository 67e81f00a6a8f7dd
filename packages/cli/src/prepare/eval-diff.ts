/**
 * What has become of the scores since a project's last release, by the pull request's pipeline: for the changelog of the
 * next one, which so says before the tag what the gate will say of it.
 */
import { type Device, diffProjects, type OnProgress, type Store } from "@gitune/core";
import { formatInterval, formatScore } from "@gitune/eval";
import type { HubBases } from "../hub-base/hub-bases.js";
import { openBaseState, openHead } from "../pipeline/open-states.js";
import type { ProjectOutcome } from "../pipeline/result.js";
import { judgeOne } from "../pipeline/run-pipeline.js";
import { WorkNeeded } from "../pipeline/work-needed.js";
import type { GitRelease } from "../publish/release-tag.js";

export interface EvalDiffOptions {
  /** Absolute path of the repository's root. */
  readonly root: string;
  readonly project: string;
  readonly released: GitRelease;
  /** The commit to be released. */
  readonly base: string;
  readonly store: Store;
  readonly bases: HubBases;
  /** False takes what is in the store, and trains nothing. */
  readonly compute: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** @returns no lines where the adapter did not change, or the store lacks something and nothing may be computed */
export async function evalDiff(options: EvalDiffOptions): Promise<readonly string[]> {
  const { root, project: name, released, base, ...pipeline } = options;
  const head = await openHead(root, base);
  try {
    const before = await openBaseState(root, released.commit);
    try {
      const project = head.projects.find(({ config }) => config.name === name);
      if (!project) return [];
      const signal = options.signal ? { signal: options.signal } : {};
      const diff = await diffProjects({ root, base: released.commit, head: base, names: [name], ...signal });
      const states = { head, before, diff, baseSha: released.commit, commit: base };
      const judging = { ...pipeline, root, projects: [name], head: base, bareBase: false };
      const { outcome } = await judgeOne(project, [], states, judging);
      return evalLines(outcome, released.name);
    } catch (error) {
      if (error instanceof WorkNeeded) return [];
      throw error;
    } finally {
      await before.state.dispose();
    }
  } finally {
    await head.state.dispose();
  }
}

/** A line for each suite that both have, and one for the gate. @param before the release's tag */
export function evalLines(
  { results, comparison }: Pick<ProjectOutcome, "results" | "comparison">,
  before: string,
): readonly string[] {
  const { base, head } = results;
  if (base === null || head === null) return [];
  const suites = head.suites.flatMap(({ name, metrics }) => {
    const was = base.suites.find((suite) => suite.name === name)?.metrics ?? {};
    const parts = Object.entries(metrics).flatMap(([metric, { value }]) => {
      const old = was[metric]?.value;
      if (old === undefined) return [];
      const rule = comparison?.rules.find(
        (one) => one.suite === name && one.metric === metric && one.slice === undefined,
      );
      const interval = rule === undefined ? "" : ` (${formatInterval(metric, rule.ci)})`;
      return [`\`${metric}\` ${formatScore(metric, old)} → ${formatScore(metric, value)}${interval}`];
    });
    return parts.length === 0 ? [] : [`Scores on \`${name}\`: ${parts.join(", ")}`];
  });
  const isGated = comparison !== null && comparison.rules.length > 0;
  return [...suites, ...(isGated ? [`Gate: ${comparison.verdict}, against \`${before}\``] : [])];
}
