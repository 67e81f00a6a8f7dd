/** Entry point of the step that publishes it. */
import { reportFailure } from "../report-failure.js";
import { publishStep } from "./publish.js";

await publishStep(process.env, "publish").catch(reportFailure);
