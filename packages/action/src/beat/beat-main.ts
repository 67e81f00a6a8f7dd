/** Entry point of the step that starts the heartbeat. */
import { reportFailure } from "../report-failure.js";
import { startBeat } from "./beat.js";

await startBeat(process.env).catch(reportFailure);
