/** Where a training works until it is done: found again after a stop, never shared by two processes. */
import { cp, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";

export interface WorkFolder {
  readonly dir: string;
  /** Null where another process holds the key's own folder, and this one works in a private folder. */
  readonly lock: string | null;
}

/**
 * Takes the working folder of a key: `<store>/work/<key>`. Where a living process has it, a private one is made: both
 * train the same bytes, and the store keeps the first.
 */
export async function takeWork(storeDir: string, key: string): Promise<WorkFolder> {
  const dir = join(storeDir, "work", key);
  const lock = `${dir}.lock`;
  await mkdir(join(storeDir, "work"), { recursive: true });
  // Twice: the first try may meet the lock of a process that was killed.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(lock, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      await mkdir(dir, { recursive: true });
      return { dir, lock };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (await isHeld(lock)) break;
      await rm(lock, { force: true });
    }
  }
  const own = `${dir}.${process.pid}`;
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true });
  return { dir: own, lock: null };
}

/** What a stopped training left stays for the next one, but for a private folder, which nobody would find. */
export async function releaseWork({ dir, lock }: WorkFolder): Promise<void> {
  if (lock === null) await rm(dir, { recursive: true, force: true });
  else await rm(lock, { force: true });
}

/** The adapter without what only a resume needs. */
export async function copyAdapter(from: string, to: string): Promise<void> {
  const checkpoints = join(from, "checkpoints");
  await cp(from, to, { recursive: true, filter: (path) => path !== checkpoints });
}

/** A lock is written right after it is made; an empty one that is older was left by a process that was killed between. */
const EMPTY_LOCK_MS = 10_000;

async function isHeld(lock: string): Promise<boolean> {
  const text = await readFile(lock, "utf8").catch(() => "");
  const pid = Number(text);
  if (text === "" || !Number.isSafeInteger(pid) || pid <= 0) {
    const made = await stat(lock).catch(() => null);
    return made !== null && Date.now() - made.mtimeMs < EMPTY_LOCK_MS;
  }
  // A process that had this id before us is gone.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
