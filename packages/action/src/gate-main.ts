/** Entry point of the step that combines the results of several jobs. */
import { gateStep } from "./gate.js";
import { reportFailure } from "./report-failure.js";

await gateStep(process.env).catch(reportFailure);
