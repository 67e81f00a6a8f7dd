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

/** What is needed of GitHub, so that nothing here knows of HTTP. */
export interface CheckStore {
  /** @returns the id of the check run with our own id */
  readonly find: (externalId: string) => Promise<number | null>;
  readonly create: (externalId: string, detailsUrl: string) => Promise<number>;
  readonly append: (id: number, output: CheckOutput) => Promise<void>;
  readonly complete: (id: number, conclusion: CheckConclusion, output: CheckOutput) => Promise<void>;
  readonly countAnnotations: (id: number) => Promise<number>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

/** @see https://docs.github.com/en/rest/checks/runs#update-a-check-run */
export const ANNOTATIONS_PER_REQUEST = 50;

/**
 * Creates the check run, or takes the one that an earlier try left, and completes it. Where an answer is lost, what
 * arrived is counted, so that no annotation is there twice.
 * @param externalId one for each attempt of a run
 * @returns its id
 */
export async function postCheck(
  store: CheckStore,
  check: {
    readonly externalId: string;
    readonly detailsUrl: string;
    readonly conclusion: CheckConclusion;
    readonly output: CheckOutput;
  },
): Promise<number> {
  const { conclusion, output } = check;
  const id = await findOrCreate(store, check);
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
  { externalId, detailsUrl }: { readonly externalId: string; readonly detailsUrl: string },
): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    const found = await store.find(externalId);
    if (found !== null) return found;
    try {
      return await store.create(externalId, detailsUrl);
    } catch (error) {
      // The answer may be lost and the check run there: look again before a second try.
      await store.waitAfter(error, attempt);
    }
  }
}
