/** Files that exist in full or not at all: written beside their place, flushed to the disk, then renamed. */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeError } from "./errno.js";

/** The one call that tests replace, to fill up a disk. */
export interface AtomicOptions {
  readonly openFile?: (path: string, flags: string) => Promise<FileHandle>;
}

type Chunks = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * Writes `chunks` one after the other to `path`; a reader sees the old file or the new one, never a part. Missing
 * folders are made.
 * @throws {GituneError} `disk.full` or `disk.write`, exit code 3
 */
export async function writeFileAtomic(path: string, chunks: Chunks, options: AtomicOptions = {}): Promise<void> {
  // A name of its own, so that two writers beside each other cannot share one temporary file.
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await (options.openFile ?? open)(temporary, "wx");
    try {
      for await (const chunk of chunks) await handle.appendFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, cause);
  }
}

/** Flushes a folder's entries, so that a rename survives a power cut. Windows cannot open folders: nothing to do. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
