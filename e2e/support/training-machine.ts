/** What a training has on its disk, and what becomes of its process. */
import assert from "node:assert/strict";
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Files and folders below one that a process may be changing. */
export function filesIn(folder: string): readonly string[] {
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...filesIn(path)] : [path];
  });
}

export interface FoundCheckpoint {
  readonly folder: string;
  readonly step: number;
}

/** @param store its folder @returns the furthest first */
export function checkpointsIn(store: string): readonly FoundCheckpoint[] {
  return filesIn(join(store, "work"))
    .flatMap((folder) => {
      const step = /checkpoints.step-(\d+)$/.exec(folder)?.[1];
      return step === undefined ? [] : [{ folder, step: Number(step) }];
    })
    .sort((a, b) => b.step - a.step);
}

/**
 * Sends a signal to the process that trains, once its checkpoints are such.
 * @param running what ends when the training does
 */
export async function signalWhen(
  isDue: (found: readonly FoundCheckpoint[]) => boolean,
  {
    store,
    signal,
    running,
  }: { readonly store: () => string; readonly signal: NodeJS.Signals; readonly running: Promise<unknown> },
): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  running.then(over, over);
  while (!isOver && !isDue(checkpointsIn(store()))) await sleep(2);
  assert.ok(!isOver, `it ended before ${signal}`);
  for (const lock of filesIn(join(store(), "work")).filter((file) => file.endsWith(".lock"))) {
    process.kill(Number(readFileSync(lock, "utf8")), signal);
  }
}

/** Whether there is one of that step or a later one. */
export function reached(step: number): (found: readonly FoundCheckpoint[]) => boolean {
  return ([furthest]) => (furthest?.step ?? 0) >= step;
}
