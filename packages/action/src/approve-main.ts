/** Entry point of the step that lets a fork's commit onto the runner. */
import { approveStep } from "./approve.js";
import { reportFailure } from "./report-failure.js";

await approveStep(process.env).catch(reportFailure);
