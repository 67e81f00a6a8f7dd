/** Entry point of the step that shows how far a run of several jobs is. */
import { progressStep } from "./progress.js";
import { reportFailure } from "./report-failure.js";

await progressStep(process.env).catch(reportFailure);
