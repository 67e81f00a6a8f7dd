/** From the projects that are to be run to GitHub's matrix; pure. */

/** @see https://docs.github.com/en/actions/reference/limits */
export const MAX_MATRIX_JOBS = 256;

export interface Leg {
  /** Counts from 1. */
  readonly id: number;
  /** Names, separated by commas: the input `projects` of the step that runs them. */
  readonly projects: string;
}

export interface Matrix {
  readonly include: readonly Leg[];
}

/**
 * One leg a project, or several projects a leg where there are more than GitHub takes: the legs' lengths differ by one
 * at most, and neighbours stay together, since they often share a base model.
 * @param maxJobs 1 to `MAX_MATRIX_JOBS`
 */
export function planMatrix(names: readonly string[], maxJobs: number): Matrix {
  const count = Math.min(names.length, maxJobs);
  const start = (leg: number) => Math.floor((leg * names.length) / count);
  const include = Array.from({ length: count }, (_, leg) => ({
    id: leg + 1,
    projects: names.slice(start(leg), start(leg + 1)).join(","),
  }));
  return { include };
}
