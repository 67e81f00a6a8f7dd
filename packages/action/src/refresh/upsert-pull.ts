/** One pull request a project, updated in place. */

export interface Pull {
  readonly number: number;
  readonly url: string;
  readonly isOpen: boolean;
  readonly isMerged: boolean;
  readonly body: string;
}

/** What is needed of GitHub. */
export interface PullStore {
  /** Those of one branch of this repository, all states. */
  readonly list: (branch: string) => Promise<readonly Pull[]>;
  readonly create: (branch: string, title: string, body: string) => Promise<Pull>;
  readonly update: (number: number, body: string) => Promise<void>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

export interface Proposal {
  readonly branch: string;
  readonly title: string;
  readonly body: string;
  /** Whether the branch has a commit that was not proposed before. */
  readonly isNew: boolean;
  /** What a body of this very commit has in it; null where this run has no whole one to put in its place. */
  readonly mark: string | null;
}

/** `declined`: somebody closed it, and there is nothing new since. */
export type PullOutcome = { readonly action: "created" | "updated" | "kept" | "declined"; readonly pull: Pull };

const MAX_ROUNDS = 4;

export async function upsertPull(store: PullStore, proposal: Proposal): Promise<PullOutcome> {
  const { branch, title, body, isNew, mark } = proposal;
  for (let round = 0; ; round += 1) {
    const [newest] = [...(await store.list(branch))].sort((a, b) => b.number - a.number);
    if (newest?.isOpen) {
      // A run that was cut off after it had moved the branch has left the body of another commit.
      if (!isNew && (mark === null || newest.body.includes(mark))) return { action: "kept", pull: newest };
      await store.update(newest.number, body);
      return { action: "updated", pull: newest };
    }
    if (newest && !newest.isMerged && !isNew) return { action: "declined", pull: newest };
    try {
      return { action: "created", pull: await store.create(branch, title, body) };
    } catch (error) {
      if (round + 1 >= MAX_ROUNDS) throw error;
      // The answer may be lost and the pull request there: look again before a second try.
      await store.waitAfter(error, round);
    }
  }
}
