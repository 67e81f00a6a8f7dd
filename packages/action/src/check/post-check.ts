/** A result as a check run: GitHub takes fifty annotations a request and appends those of later ones. */

export type CheckConclusion = "success" | "failure" | "neutral" | "action_required" | "cancelled";

export interface CheckAnnotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly start_column?: number;
  readonly end_column?: number;
  readonly annotation_level: "failure" | "warning" | "notice";
  readonly title: string;
  readonly message: string;
}

export interface CheckOutput {
  readonly title: string;
  /** Markdown. */
  readonly summary: string;
  readonly annotations: readonly CheckAnnotation[];
}

/** A check run as GitHub lists it. */
export interface CheckEntry {
  readonly id: number;
  /** As its maker has set it; empty where it has not. */
  readonly externalId: string;
  readonly isCompleted: boolean;
}

/** What is needed of GitHub, so that nothing here knows of HTTP. */
export interface CheckStore {
  /** Every check run of the commit with our name, all pages. */
  readonly list: () => Promise<readonly CheckEntry[]>;
  readonly create: (externalId: string, detailsUrl: string) => Promise<number>;
  readonly append: (id: number, output: CheckOutput) => Promise<void>;
  readonly complete: (id: number, conclusion: CheckConclusion, output: CheckOutput) => Promise<void>;
  readonly countAnnotations: (id: number) => Promise<number>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

/** @see https://docs.github.com/en/rest/checks/runs#update-a-check-run */
export const ANNOTATIONS_PER_REQUEST = 50;

const TAKEN_OVER: CheckOutput = {
  title: "Taken over by a later attempt",
  summary: "The attempt ended before it could say how. A later one has a check run of its own.",
  annotations: [],
};

export interface Check {
  /** Address of the run that it is about. */
  readonly run: string;
  /** Each attempt of a run has a check run of its own. */
  readonly attempt: number;
  /** In place of that: what makes it the same check run for a later run, too. */
  readonly id?: string;
  readonly conclusion: CheckConclusion;
  readonly output: CheckOutput;
}

/**
 * Creates the check run, or takes the one that an earlier try left, and completes it. Where an answer is lost, what
 * arrived is counted, so that no annotation is there twice. What earlier attempts have left open is closed.
 * @returns its id
 */
export async function postCheck(store: CheckStore, check: Check): Promise<number> {
  const { conclusion, output } = check;
  const { id, leftOver } = await findOrCreate(store, check);
  for (const open of leftOver) await closeLeftOver(store, open);
  let sent = await store.countAnnotations(id);
  for (let attempt = 0; ; ) {
    const annotations = output.annotations.slice(sent, sent + ANNOTATIONS_PER_REQUEST);
    const isLast = sent + annotations.length >= output.annotations.length;
    try {
      if (isLast) {
        await store.complete(id, conclusion, { ...output, annotations });
        return id;
      }
      await store.append(id, { ...output, annotations });
      sent += annotations.length;
      attempt = 0;
    } catch (error) {
      await store.waitAfter(error, attempt);
      attempt += 1;
      sent = await store.countAnnotations(id);
    }
  }
}

async function findOrCreate(
  store: CheckStore,
  { run, attempt, id = `${run}/${attempt}` }: Check,
): Promise<{ readonly id: number; readonly leftOver: readonly number[] }> {
  for (let round = 0; ; round += 1) {
    const all = await store.list();
    const leftOver = all
      .filter((one) => !one.isCompleted && one.externalId.startsWith(`${run}/`) && one.externalId !== id)
      .map((one) => one.id);
    const found = all.find((one) => one.externalId === id);
    if (found) return { id: found.id, leftOver };
    try {
      return { id: await store.create(id, run), leftOver };
    } catch (error) {
      // The answer may be lost and the check run there: look again before a second try.
      await store.waitAfter(error, round);
    }
  }
}

async function closeLeftOver(store: CheckStore, id: number): Promise<void> {
  for (let round = 0; ; round += 1) {
    try {
      return await store.complete(id, "cancelled", TAKEN_OVER);
    } catch (error) {
      await store.waitAfter(error, round);
    }
  }
}
