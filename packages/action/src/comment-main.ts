/** Entry point of the step that comments. */
import { commentStep } from "./comment.js";
import { reportFailure } from "./report-failure.js";

await commentStep(process.env).catch(reportFailure);
