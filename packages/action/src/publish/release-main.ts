/** Entry point of the step that makes the GitHub release. */
import { reportFailure } from "../report-failure.js";
import { releaseStep } from "./release.js";

await releaseStep(process.env).catch(reportFailure);
