/** Public names of gitune, one by one: the pipeline, for programs that want more than the command line. */
export type { AdapterOutcome, PipelineResult, ProjectOutcome, ProjectStatus, ReportFiles } from "./pipeline/result.js";
export { type PipelineOptions, runPipeline } from "./pipeline/run-pipeline.js";
