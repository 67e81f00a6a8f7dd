/** What a refresh answers: data only. */
import type { DriftMeasure, Issue, Verdict } from "@gitune/core";
import type { PipelineResult } from "../pipeline/result.js";

export interface SourceOutcome {
  readonly name: string;
  readonly type: string;
  /**
   * - `unchanged`: it gave what it gave before, or said so itself
   * - `read`: it gave something else; the counts say what became of it
   * - `failed`: it could not be read
   */
  readonly status: "unchanged" | "read" | "failed";
  readonly new: number;
  /** In a split already, or almost. */
  readonly known: number;
  /** Not accepted by the source's own words. */
  readonly passedOver: number;
  readonly quarantined: number;
  readonly issues: readonly Issue[];
}

/** How the rows that are proposed for a file are unlike those before. */
export interface FileDrift {
  /** Relative to the project's folder, as `into` has it. */
  readonly file: string;
  /** Names of the sources whose rows go there. */
  readonly sources: readonly string[];
  /** How many rows are proposed for it: those of this run, and of earlier ones that are not merged. */
  readonly rows: number;
  /** How many they are compared with. */
  readonly rowsBefore: number;
  /** `file`: with those that the file has in the base; `split`: with split train, where the file has too few. */
  readonly comparedWith: "file" | "split";
  /** Empty where the rows are too few to tell. */
  readonly measures: readonly DriftMeasure[];
}

/**
 * - `unchanged`: no new rows, and nothing that waits to be merged
 * - `pending`: no new rows; an earlier proposal waits
 * - `proposed`: the branch has a new commit, which was trained, evaluated and judged
 * - `failed`: no proposal could be made
 */
export type RefreshStatus = "unchanged" | "pending" | "proposed" | "failed";

export interface ProjectRefresh {
  readonly name: string;
  readonly status: RefreshStatus;
  readonly branch: string;
  /** The branch's commit; null where there is no branch. */
  readonly commit: string | null;
  readonly sources: readonly SourceOutcome[];
  /** Codes of what was quarantined -> how many rows. */
  readonly quarantine: Readonly<Record<string, number>>;
  /** A file each that has rows to propose. */
  readonly drift: readonly FileDrift[];
  /** Absolute path of the quarantined rows; null without any. */
  readonly quarantineFile: string | null;
  /** Null where nothing was judged, and the store has no verdict on an earlier proposal. */
  readonly verdict: Verdict | null;
  readonly run: PipelineResult | null;
  readonly issues: readonly Issue[];
}

export interface RefreshResult {
  readonly version: 1;
  /** The commit that proposals are to be merged into. */
  readonly base: string;
  readonly exitCode: 0 | 1 | 2 | 3;
  readonly projects: readonly ProjectRefresh[];
}
