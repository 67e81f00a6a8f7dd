/** Public names of @gitune/core, one by one. */
export type {
  CheckConfig,
  CheckLevel,
  Config,
  DataConfig,
  DataFormat,
  Device,
  FullTechnique,
  GateConfig,
  GateRule,
  LoraTechnique,
  Overflow,
  Project,
  Schedule,
  SuiteConfig,
  Technique,
  TrainConfig,
} from "./config/config.js";
export type { DatasetDiff, ProjectDiff, RowChange, RowChangeKind, SplitDiff } from "./diff-types.js";
export type { Generate, Generation, GenerationOptions, StopReason } from "./generation.js";
export { type FailureExitCode, GituneError, InternalError, type Issue, type Severity } from "./issue.js";
export type { OnProgress, ProgressEvent } from "./progress.js";
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
