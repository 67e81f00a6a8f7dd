/** Entry point of what ends the heartbeat, after the job's last step. */
import { reportFailure } from "../report-failure.js";
import { endBeat } from "./beat.js";

await endBeat(process.env).catch(reportFailure);
