/** Progress of long work, as data: the terminal draws a bar, CI prints a line now and then. */
export interface ProgressEvent {
  /** E.g. "train", "evaluate", "validate". */
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** "steps", "rows" … */
  readonly unit: string;
  /** Facts to show beside the bar: loss, tokens/s. */
  readonly detail?: Readonly<Record<string, string | number>>;
}
/** Takes progress as it happens; never throws. */
export type OnProgress = (event: ProgressEvent) => void;
