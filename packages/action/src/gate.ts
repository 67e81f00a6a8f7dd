/**
 * The last word of a run of several jobs: reads what the plan and its legs left, and turns the job red or green. It
 * runs always and can only read, so that a required check never waits for a job that died.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as core from "@actions/core";
import { combine, type LegResult } from "./combine.js";
import { type Env, readInput } from "./inputs.js";
import { explainLegs } from "./lost-legs.js";
import { writeOutputs, writeSummary } from "./outputs.js";
import { readLegs } from "./plan/legs.js";
import { type ActionResult, readResult } from "./result.js";
import { sayVerdict } from "./say-verdict.js";

/** What the plan's artifact is called; those of the legs end in their number. */
const PLAN_PART = /(?:^|-)plan$/;
const LEG_PART = /(?:^|-)(\d+)$/;

/** Combines the parts below the input `results`: a folder each, with a `result.json`. */
export async function gateStep(env: Env): Promise<ActionResult> {
  const dir = readInput(env, "results");
  const given = new Map(readLegs(readInput(env, "matrix")).map(({ id, projects }) => [id, projects.split(",")]));
  let plan: ActionResult | null = null;
  const legs: LegResult[] = [];
  for (const name of existsSync(dir) ? readdirSync(dir).sort() : []) {
    const part = readPart(join(dir, name, "result.json"));
    if (part === null) continue;
    if (PLAN_PART.test(name)) plan = part;
    else legs.push({ result: part, given: given.get(Number(LEG_PART.exec(name)?.[1])) ?? [] });
  }
  // What became of a job that left no result, only GitHub can say.
  const isLost = plan !== null && legs.length < given.size;
  const result = combine(plan, legs, isLost ? await explainLegs(env) : undefined);
  writeSummary(env, result);
  writeOutputs(env, result, result.annotations);
  sayVerdict(result);
  return result;
}

/** A part that cannot be read is as good as none: its projects have no verdict then. */
function readPart(path: string): ActionResult | null {
  try {
    return readResult(path);
  } catch (error) {
    core.warning(error instanceof Error ? error.message : String(error), { title: "gitune: a part is unreadable" });
    return null;
  }
}
