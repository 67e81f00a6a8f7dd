/** The checkpoint that a training which is lost now would go on from. */
import { copyFileSync, linkSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

export interface FoundCheckpoint {
  /** Files, from the store's folder: `work/<key>/checkpoints/step-N/…`. */
  readonly files: readonly string[];
  /** Changes with the checkpoint. */
  readonly id: string;
}

/** @returns null where there is none. Folders appear whole: they are renamed into their place. */
export function findNewestCheckpoint(store: string): FoundCheckpoint | null {
  const folders = namesIn(join(store, "work")).flatMap((key) =>
    namesIn(join(store, "work", key, "checkpoints"))
      .filter((name) => /^step-\d{1,9}$/.test(name))
      .map((name) => join("work", key, "checkpoints", name)),
  );
  const found = folders.flatMap((folder) => {
    try {
      return [{ folder, writtenMs: statSync(join(store, folder, "state.json")).mtimeMs }];
    } catch {
      return [];
    }
  });
  const newest = found.sort((a, b) => b.writtenMs - a.writtenMs)[0];
  if (!newest) return null;
  const files = namesIn(join(store, newest.folder)).map((name) => join(newest.folder, name));
  return { files, id: `${newest.folder} ${newest.writtenMs}` };
}

/**
 * Links its files into another folder, or copies them to another disk, so that they stay when training removes them.
 * @returns absolute paths
 * @throws where it is gone already
 */
export function holdCheckpoint(store: string, { files }: FoundCheckpoint, into: string): string[] {
  return files.map((file) => {
    const path = join(into, file);
    mkdirSync(dirname(path), { recursive: true });
    try {
      linkSync(join(store, file), path);
    } catch {
      copyFileSync(join(store, file), path);
    }
    return path;
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
