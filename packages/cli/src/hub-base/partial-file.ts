/** The part of a blob that is there so far: found again after a stop, written by one process at a time. */
import { randomBytes } from "node:crypto";
import { readdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "@gitune/core";

/** Other Hugging Face tools append to `<blob>.incomplete`, under locks that Node cannot take: ours have names of their own. */
const waitingName = (blob: string): string => `${blob}.gitune.incomplete`;
/** Longer than any pause of a download that goes on: what is older was left by a process that was killed. */
const ABANDONED_MS = 15 * 60_000;

/** Takes what an earlier download of this blob left. @returns the path to write to; there may be no file yet */
export async function takePartial(blob: string): Promise<string> {
  const own = `${blob}.gitune-${randomBytes(4).toString("hex")}.incomplete`;
  for (const left of await leftOf(blob)) {
    try {
      // Of two processes one succeeds; the other starts anew.
      await rename(left, own);
      break;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return own;
}

/** Leaves it to whoever tries next. @param own as `takePartial` gave it */
export async function leavePartial(own: string, blob: string): Promise<void> {
  await rename(own, waitingName(blob)).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
  });
}

/** Bytes; 0 where there is none. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

/** Bytes of a blob that need not be downloaded again. */
export async function sizeLeft(blob: string): Promise<number> {
  const [first] = await leftOf(blob);
  return (await sizeOf(blob)) || (first === undefined ? 0 : sizeOf(first));
}

async function leftOf(blob: string): Promise<readonly string[]> {
  const folder = dirname(blob);
  const found: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if (path === waitingName(blob)) found.unshift(path);
    else if (name.startsWith(`${basename(blob)}.gitune-`)) {
      const written = (await stat(path).catch(() => null))?.mtimeMs ?? Date.now();
      if (Date.now() - written > ABANDONED_MS) found.push(path);
    }
  }
  return found;
}
