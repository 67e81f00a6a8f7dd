/** A step's own message about a result, and the only thing that turns its job red. */
import * as core from "@actions/core";
import type { ActionResult } from "./result.js";

/** Prints the verdict, and fails the step where the change must not be merged. */
export function sayVerdict(result: ActionResult): void {
  const { verdict, exit_code: exitCode } = result;
  if (verdict === "pass") {
    core.info("gitune: pass");
    return;
  }
  if (verdict === "inconclusive") {
    core.warning("The rows are too few to decide; the report says how many would do.", {
      title: "gitune: inconclusive",
    });
    return;
  }
  if (verdict === "fail") {
    // A gate may also block what it cannot decide.
    const blocking = result.projects.filter((project) => project.verdict !== "pass");
    const names = blocking.map((project) => `${project.name}: ${project.verdict}`).join(", ");
    // A project that failed its checks was never compared.
    const isCompared = blocking.some((project) => project.rules.length > 0);
    core.error(`${names === "" ? "" : `${names}. `}The job's summary says why.`, {
      title: isCompared ? "gitune: the gate says no" : "gitune: a check says no",
    });
  } else if (exitCode === 2) {
    core.error("The input or the config is wrong, so there is no verdict. This is not the gate.", {
      title: "gitune: bad input",
    });
  } else {
    core.error("The machine, the network or gitune itself failed, so there is no verdict. This is not the gate.", {
      title: "gitune: could not run",
    });
  }
  process.exitCode = core.ExitCode.Failure;
}
