/** Entry point of the step that proposes. */
import { reportFailure } from "../report-failure.js";
import { proposeStep } from "./propose.js";

await proposeStep(process.env).catch(reportFailure);
