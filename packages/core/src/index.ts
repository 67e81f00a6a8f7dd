/** Public names of @gitune/core, one by one. */
export { boundCall, MAX_CALL_MS } from "./bound-call.js";
export type { CountTokens, SuiteRows } from "./checks/check.js";
export { findOverlaps } from "./checks/contamination.js";
export { secretIn } from "./checks/secrets.js";
export { sensitiveKinds } from "./checks/sensitive-kinds.js";
export { normalizeText, promptsOf } from "./checks/text.js";
export type {
  CheckConfig,
  CheckLevel,
  Config,
  DataConfig,
  DataFormat,
  Device,
  EarlyStopping,
  FullTechnique,
  GateConfig,
  GateRule,
  LoraTechnique,
  Overflow,
  Project,
  PublishConfig,
  Reporter,
  Schedule,
  SuiteConfig,
  Technique,
  TrainConfig,
} from "./config/config.js";
export { CONFIG_FILE, discoverProjects, findRepoRoot, PROJECTS_FOLDER } from "./config/discover.js";
export { isHubId } from "./config/hub-id.js";
export { type ReadConfig, readConfig } from "./config/read.js";
export type {
  CommandSource,
  HttpSource,
  HubSource,
  LogsSource,
  RefreshConfig,
  RefreshSource,
} from "./config/refresh.js";
export { isLoopback } from "./config/refresh-rules.js";
export { resolveConfig } from "./config/resolve.js";
export { CONFIG_SCHEMA } from "./config/schema.js";
export { takesValidationLoss, VALIDATION_SPLIT } from "./config/validation-split.js";
export type { WrittenConfig } from "./config/written.js";
export { type AdmitOptions, type Admitted, RowAdmission } from "./dataset/admit-rows.js";
export { checkBase, isBaseInside, localBase } from "./dataset/base.js";
export { listSplit, type SplitFiles } from "./dataset/files.js";
export { FORMATS, type Format } from "./dataset/formats.js";
export { type LabelCount, LabelTally } from "./dataset/label-tally.js";
export type { Spread } from "./dataset/lengths.js";
export {
  type MeasureOptions,
  measureProject,
  type ProjectStats,
  type SplitStats,
  type SuiteStats,
  type TokenSpread,
} from "./dataset/measure-project.js";
export { makeRowParser, type ParsedRow, type RowParser, toRow } from "./dataset/parse-row.js";
export { loadRows, readRows } from "./dataset/read-rows.js";
export { inspectSuite, readSuite, type SuiteReading } from "./dataset/read-suite.js";
export {
  type ProjectValidation,
  readSuites,
  type ValidateOptions,
  validateFile,
  validateProject,
} from "./dataset/validate.js";
export { type DiffOptions, diffProjects } from "./diff/diff-projects.js";
export { applyPatch, diffRows, type PlacedRow } from "./diff/diff-rows.js";
export { type DiffFormat, type DiffPart, type RenderDiffOptions, renderDiff } from "./diff/render-diff.js";
export { changedFields, diffWords, type FieldChange, type WordRun } from "./diff/words.js";
export type { DatasetDiff, ProjectDiff, RowChange, RowChangeKind, SplitDiff } from "./diff-types.js";
export {
  compareRows,
  type DriftMeasure,
  type DriftMeasureName,
  driftText,
  MIN_DRIFT_ROWS,
} from "./drift/compare-rows.js";
export { RowTally } from "./drift/row-tally.js";
export { escapeHtml, escapeMarkdown, printable, printableJson, printableLine, printableText } from "./escape.js";
export type { Generate, Generation, GenerationOptions, StopReason } from "./generation.js";
export { refuseOwnFolder } from "./git/own-folder.js";
export { defaultBranch, type GitTag, isAncestor, listTags, mergeBase, resolveRef, tryRef } from "./git/refs.js";
export { listTree, type OpenState, openState, type TreeFile, WORKTREE } from "./git/state.js";
export {
  branchHolder,
  type CommitFiles,
  commitFiles,
  commitsSince,
  linesAddedByGitune,
  mergeTrees,
  readFileAt,
  treeOf,
  updateBranch,
} from "./git/write.js";
export { cacheKey, canonicalJson, hashFile, sha256Hex } from "./hash.js";
export { type AtomicOptions, syncFolder, writeFileAtomic } from "./io/atomic.js";
export { errnoOf, writeError } from "./io/errno.js";
export { listGlob, matchesGlob } from "./io/glob.js";
export { isReallyInside } from "./io/paths.js";
export { type FailureExitCode, GituneError, InternalError, type Issue, type Severity } from "./issue.js";
export { ISSUE_CODES, type IssueCode } from "./issue-codes.js";
export { isTooDeep, MAX_DEPTH } from "./json-depth.js";
export {
  type JsonlItem,
  type JsonlProblem,
  type JsonlRow,
  MAX_ROW_BYTES,
  type ReadJsonlOptions,
  readJsonl,
} from "./jsonl/read.js";
export { writeJsonl } from "./jsonl/write.js";
export { buildLock, LOCK_FILE, type Lock, type LockParts } from "./lock/build.js";
export { readLock, writeLock } from "./lock/file.js";
export { verifyLock } from "./lock/verify.js";
export { didYouMean, nearest } from "./nearest.js";
export { fromPointer } from "./pointer.js";
export type { OnProgress, ProgressEvent } from "./progress.js";
export { redact } from "./redact.js";
export { type IssueFormat, type IssuePart, type RenderOptions, renderIssues } from "./render-issue.js";
export type {
  Comparison,
  MetricValue,
  ResultRow,
  Results,
  RuleOutcome,
  SuiteResult,
  Verdict,
} from "./results.js";
export type { EvalRow, JsonObject, JsonValue, Message, PromptContent, Role, Row, RowContent } from "./row.js";
export type { JsonSchema } from "./schema/ajv.js";
export type { Finding } from "./schema/explain.js";
export { Store, type StoreOptions } from "./store/store.js";
