/** Entry point of the step that reads the sources. */
import { reportFailure } from "../report-failure.js";
import { collectStep } from "./collect.js";

await collectStep(process.env).catch(reportFailure);
