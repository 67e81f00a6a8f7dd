/** One published GitHub release a tag: found again and updated, never doubled, whatever happens in between. */
import { mergeNotes } from "./release-notes.js";

export interface GitHubRelease {
  readonly id: number;
  /** A draft's leads nowhere once it is published. */
  readonly url: string;
  /** Empty where it has none. */
  readonly title: string;
  readonly body: string;
  readonly isDraft: boolean;
  readonly isPrerelease: boolean;
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
  /** The tag's published release, else a draft that names the tag; null where it has neither. */
  readonly find: (tag: string) => Promise<GitHubRelease | null>;
  /** @returns its address */
  readonly create: (release: NewRelease, body: string) => Promise<string>;
  /** Makes a draft the tag's release; done twice it is as once. @returns its address */
  readonly publish: (id: number, release: NewRelease, body: string) => Promise<string>;
  readonly update: (id: number, body: string) => Promise<void>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

export interface ReleaseOutcome {
  readonly action: "created" | "draft published" | "updated" | "kept";
  readonly url: string;
}

const MAX_ROUNDS = 4;

/**
 * A draft is what somebody prepared for this tag: it is published with its title and text, ours below, and stays a
 * pre-release where it was marked as one.
 */
export async function upsertRelease(store: ReleaseStore, release: NewRelease, notes: string): Promise<ReleaseOutcome> {
  for (let round = 0; ; round += 1) {
    const found = await store.find(release.tag);
    if (found) {
      const body = mergeNotes(found.body, notes);
      if (found.isDraft) {
        const title = found.title.trim() === "" ? release.title : found.title;
        const published = { ...release, title, isPrerelease: found.isPrerelease || release.isPrerelease };
        return { action: "draft published", url: await store.publish(found.id, published, body) };
      }
      if (body === found.body) return { action: "kept", url: found.url };
      await store.update(found.id, body);
      return { action: "updated", url: found.url };
    }
    try {
      return { action: "created", url: await store.create(release, notes) };
    } catch (error) {
      if (round + 1 >= MAX_ROUNDS) throw error;
      // The answer may be lost and the release there, or another run's: look again before a second try.
      if (await store.find(release.tag)) continue;
      await store.waitAfter(error, round);
    }
  }
}
