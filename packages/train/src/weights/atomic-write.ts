/** Files that exist in full or not at all: written beside their place, flushed to the disk, then renamed. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { GituneError } from "@gitune/core";

/** write(2) takes at most 2^31 - 1 bytes a call; 64 MiB also bounds what a kill can leave unflushed. */
const MAX_WRITE_BYTES = 64 * 1024 * 1024;

/**
 * Writes `chunks` one after the other to `path`; a reader sees the old file or the new one, never a part.
 * @throws {GituneError} `disk.full` (exit code 3) when there is no space left, `disk.write` (3) for any other failure
 */
export async function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  // A name of its own per process, so that two runs beside each other cannot write into one temporary file.
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "w");
    try {
      for (const chunk of chunks) await writeAll(handle, chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(path, cause);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) {
    const { bytesWritten } = await handle.write(chunk, done, Math.min(MAX_WRITE_BYTES, chunk.byteLength - done));
    done += bytesWritten;
  }
}

/** Flushes a folder's entries, so that a rename survives a power cut. Windows cannot open folders: nothing to do there. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A failure of the file system as an error that says what to do; errors that already are one pass through. */
export function diskError(path: string, cause: unknown): Error {
  if (cause instanceof GituneError) return cause;
  const errno = errnoOf(cause);
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new GituneError(
      {
        code: "disk.full",
        severity: "error",
        file: path,
        message: `no space left on the disk while writing ${path}`,
        fix: "free some space and run again; nothing half-written was kept",
      },
      { exitCode: 3, cause },
    );
  }
  return new GituneError(
    {
      code: "disk.write",
      severity: "error",
      file: path,
      message: `cannot write ${path}: ${errno ?? String(cause)}`,
      fix: "check that the folder exists and is writable",
    },
    { exitCode: 3, cause },
  );
}

/** The `code` of a Node file system error, e.g. `ENOENT`. */
export function errnoOf(cause: unknown): string | undefined {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return undefined;
}
