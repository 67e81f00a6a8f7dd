/** One GitHub release a tag: found again and updated, never doubled, whatever happens in between. */
import { mergeNotes } from "./release-notes.js";

export interface GitHubRelease {
  readonly id: number;
  readonly url: string;
  readonly body: string;
}

export interface NewRelease {
  readonly tag: string;
  /** Where GitHub would put the tag if it were gone. */
  readonly commit: string;
  readonly title: string;
  readonly isPrerelease: boolean;
}

/** What is needed of GitHub. */
export interface ReleaseStore {
  /** The tag's release; null where it has none. */
  readonly find: (tag: string) => Promise<GitHubRelease | null>;
  readonly create: (release: NewRelease, body: string) => Promise<GitHubRelease>;
  readonly update: (id: number, body: string) => Promise<void>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

export interface ReleaseOutcome {
  readonly action: "created" | "updated" | "kept";
  readonly url: string;
}

const MAX_ROUNDS = 4;

export async function upsertRelease(store: ReleaseStore, release: NewRelease, notes: string): Promise<ReleaseOutcome> {
  for (let round = 0; ; round += 1) {
    const found = await store.find(release.tag);
    if (found) {
      const body = mergeNotes(found.body, notes);
      if (body === found.body) return { action: "kept", url: found.url };
      await store.update(found.id, body);
      return { action: "updated", url: found.url };
    }
    try {
      return { action: "created", url: (await store.create(release, notes)).url };
    } catch (error) {
      if (round + 1 >= MAX_ROUNDS) throw error;
      // The answer may be lost and the release there, or another run's: look again before a second try.
      if (await store.find(release.tag)) continue;
      await store.waitAfter(error, round);
    }
  }
}
