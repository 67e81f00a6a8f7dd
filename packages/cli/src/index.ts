/** Public names of gitune, one by one: the pipeline, for programs that want more than the command line. */
export { HubBases, type HubBasesOptions } from "./hub-base/hub-bases.js";
export type { AdapterOutcome, PipelineResult, ProjectOutcome, ProjectStatus, ReportFiles } from "./pipeline/result.js";
export { type PipelineOptions, runPipeline } from "./pipeline/run-pipeline.js";
export { checkBase } from "./publish/check-base.js";
export { HubRepository } from "./publish/hub-repository.js";
export { type Published, publishRelease, type ReleaseUpload } from "./publish/publish-release.js";
export { describeFiles, type ReleaseFile } from "./publish/release-files.js";
export { type PublishDocument, type PublishOptions, runPublish } from "./publish/run-publish.js";
export { type ProjectReleases, releaseStatus, repairReleases, rollBackRelease } from "./publish/run-release.js";
