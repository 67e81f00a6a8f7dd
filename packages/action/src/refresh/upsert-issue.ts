/** One issue, whatever it takes: opened when something is wrong, updated while it is, closed when it is not. */

export interface HealthIssue {
  readonly number: number;
  readonly isOpen: boolean;
}

/** What is needed of GitHub. */
export interface IssueStore {
  /** Those that carry our marker and that we wrote, all states. */
  readonly list: () => Promise<readonly HealthIssue[]>;
  readonly create: (title: string, body: string) => Promise<number>;
  readonly update: (number: number, body: string, state: "open" | "closed") => Promise<void>;
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

const MAX_ROUNDS = 4;

/** @returns the issue's number; null where there is none and none is needed */
export async function upsertIssue(
  store: IssueStore,
  report: { readonly title: string; readonly body: string; readonly isHealthy: boolean },
): Promise<number | null> {
  const { title, body, isHealthy } = report;
  for (let round = 0; ; round += 1) {
    // The oldest stays the one; open ones beside it are left of a race, and are closed.
    const [first, ...others] = [...(await store.list())].sort((a, b) => a.number - b.number);
    for (const other of others) if (other.isOpen) await store.update(other.number, body, "closed");
    if (first) {
      if (!isHealthy || first.isOpen) await store.update(first.number, body, isHealthy ? "closed" : "open");
      return first.number;
    }
    if (isHealthy) return null;
    try {
      return await store.create(title, body);
    } catch (error) {
      if (round + 1 >= MAX_ROUNDS) throw error;
      await store.waitAfter(error, round);
    }
  }
}
