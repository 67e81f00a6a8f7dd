/** A look at the machine before its time is spent. */
import type { Gitune } from "./call-gitune.js";
import type { RunInputs } from "./inputs.js";
import type { PipelineRun } from "./run-pipeline.js";

/**
 * @param which projects and options of `gitune doctor`: what the step is about to train
 * @returns null where the work may begin, else how `gitune doctor` ended, with exit code 3
 */
export async function preflight(
  which: readonly string[],
  { needs, device }: Pick<RunInputs, "needs" | "device">,
  gitune: Gitune,
): Promise<PipelineRun | null> {
  if (needs === null) return null;
  const least = ["--min-memory", String(needs.memoryGib), "--min-disk", String(needs.diskGib)];
  const options = device === null ? [] : ["--device", device];
  const looked = await gitune(["doctor", ...which, "--json", ...least, ...options]);
  // What is wrong with the repository, the work itself says better.
  return looked.exitCode === 3 ? looked : null;
}
