/** Entry point of the step that runs the pipeline. */
import { reportFailure } from "./report-failure.js";
import { runStep } from "./run.js";

await runStep(process.env).catch(reportFailure);
