/** Entry point of the step that judges a release. */
import { reportFailure } from "../report-failure.js";
import { publishStep } from "./publish.js";

await publishStep(process.env, "judge").catch(reportFailure);
