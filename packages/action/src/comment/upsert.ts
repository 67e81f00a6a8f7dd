/** One comment a pull request, whatever happens meanwhile: other runs, deletions, cut connections. */
import { historyAfter, isNewer, type Marker, parseMarker } from "./marker.js";

export interface Comment {
  readonly id: number;
  readonly body: string;
  readonly author: string;
}

/** What is needed of GitHub, so that nothing here knows of HTTP. */
export interface CommentStore {
  /** Every comment of the pull request, all pages. */
  readonly list: () => Promise<readonly Comment[]>;
  readonly create: (body: string) => Promise<number>;
  /** @returns false when the comment is gone */
  readonly update: (id: number, body: string) => Promise<boolean>;
  readonly remove: (id: number) => Promise<void>;
  /** Waits before another try where the failure may pass; rethrows it where it will not. */
  readonly waitAfter: (error: unknown, attempt: number) => Promise<void>;
}

export type UpsertOutcome =
  | { readonly action: "created" | "updated"; readonly id: number }
  /** A newer run has spoken already, or one of the head where this is of another commit. */
  | { readonly action: "kept"; readonly id: number; readonly by: Marker };

/** Each round either ends or was overtaken by somebody; four people in a row is not chance. */
const MAX_ROUNDS = 4;

/**
 * Creates the comment, or updates the one there is.
 * @param isOurs whether we may have written a comment: anybody can paste a marker
 * @param marker of this run, without history
 * @param head the pull request's head as it is now, 40 hex digits
 * @param render the body for a marker
 */
export async function upsertComment(
  store: CommentStore,
  options: {
    readonly isOurs: (author: string) => boolean;
    readonly marker: Marker;
    readonly head: string;
    readonly render: (marker: Marker) => string;
  },
): Promise<UpsertOutcome> {
  const { marker, head, render } = options;
  for (let round = 0; ; round += 1) {
    const [oldest, ...others] = ours(await store.list(), options);
    if (!oldest) {
      try {
        const id = await store.create(render(marker));
        return await settleRace(store, options, id);
      } catch (error) {
        if (round + 1 >= MAX_ROUNDS) throw error;
        // The answer may be lost and the comment there: look again before a second try.
        await store.waitAfter(error, round);
        continue;
      }
    }
    await removeAll(store, others);
    // The newest word may be in a comment that was just one too many.
    const newest = [oldest, ...others].reduce((a, b) => (isNewer(b.marker, a.marker) ? b : a)).marker;
    // A branch may be pushed back to an older commit: then the run of that one is right, whatever its number.
    const isOfHead = (one: Marker) => one.commit === head;
    const isOvertaken = isNewer(newest, marker) || (isOfHead(newest) && !isOfHead(marker));
    const next = isOvertaken ? newest : { ...marker, history: historyAfter(newest, marker.commit) };
    if (isOvertaken && newest === oldest.marker) return { action: "kept", id: oldest.id, by: newest };
    if (isOvertaken) {
      const body = others.find((other) => other.marker === newest)?.body ?? render(next);
      await store.update(oldest.id, body);
      return { action: "kept", id: oldest.id, by: newest };
    }
    if (await store.update(oldest.id, render(next))) return { action: "updated", id: oldest.id };
    // Deleted since we looked.
    if (round + 1 >= MAX_ROUNDS) return { action: "created", id: await store.create(render(marker)) };
  }
}

type OwnComment = Comment & { readonly marker: Marker };

/** Oldest first: the one that stays. */
function ours(
  comments: readonly Comment[],
  options: { readonly isOurs: (author: string) => boolean; readonly marker: Marker },
): readonly OwnComment[] {
  return comments
    .flatMap((comment): OwnComment[] => {
      const marker = options.isOurs(comment.author) ? parseMarker(comment.body) : null;
      return marker && marker.key === options.marker.key ? [{ ...comment, marker }] : [];
    })
    .sort((a, b) => a.id - b.id);
}

/** Two first runs may both have found nothing. The older comment stays, with the newer word in it. */
async function settleRace(
  store: CommentStore,
  options: Parameters<typeof upsertComment>[1],
  id: number,
): Promise<UpsertOutcome> {
  const all = ours(await store.list(), options);
  const [oldest] = all;
  if (!oldest || oldest.id === id) {
    await removeAll(
      store,
      all.filter((comment) => comment.id !== id && !isNewer(comment.marker, options.marker)),
    );
    return { action: "created", id };
  }
  await store.remove(id);
  if (isNewer(oldest.marker, options.marker)) return { action: "kept", id: oldest.id, by: oldest.marker };
  const history = historyAfter(oldest.marker, options.marker.commit);
  await store.update(oldest.id, options.render({ ...options.marker, history }));
  return { action: "updated", id: oldest.id };
}

async function removeAll(store: CommentStore, comments: readonly OwnComment[]): Promise<void> {
  for (const comment of comments) await store.remove(comment.id);
}
