/** The jobs of a plan, as GitHub knows them. */
import type { JobState } from "../progress/render-progress.js";
import type { Leg, Matrix } from "./matrix.js";

/** A matrix job's name ends so, whatever the caller's job is called. */
const LEG_NAME = /(?:^|\/ )train (\d+)$/;

/** @param matrix output of plan; empty where nothing has to be run */
export function readLegs(matrix: string): readonly Leg[] {
  return matrix === "" ? [] : (JSON.parse(matrix) as Matrix).include;
}

/** Number of the leg -> its job. @param jobs by name */
export function jobsOfLegs(jobs: ReadonlyMap<string, JobState>): ReadonlyMap<number, JobState> {
  const byLeg = new Map<number, JobState>();
  for (const [name, job] of jobs) {
    const id = LEG_NAME.exec(name)?.[1];
    if (id !== undefined) byLeg.set(Number(id), job);
  }
  return byLeg;
}
