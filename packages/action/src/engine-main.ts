/** Entry point of the step that finds the engine. */
import * as core from "@actions/core";
import { findEngine } from "./engine.js";
import { reportFailure } from "./report-failure.js";

try {
  const engine = findEngine();
  core.setOutput("root", engine.root);
  core.setOutput("installed", String(engine.isInstalled));
  core.setOutput("cuda", String(engine.hasCuda));
  core.setOutput("cache-key", engine.cacheKey);
} catch (error) {
  reportFailure(error);
}
