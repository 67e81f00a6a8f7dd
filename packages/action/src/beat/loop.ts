/**
 * The process that beats. It runs beside the pipeline's, which has no token: the one for artifacts comes through a pipe,
 * so that it is in no environment that another process could read.
 */
import { appendFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { artifactClient } from "./artifact-client.js";
import { Heart, type HeartOptions } from "./heart.js";

/** What the step tells the process, as one JSON document. */
export interface BeatOrders extends Omit<HeartOptions, "artifacts"> {
  readonly intervalMs: number;
  /** What went wrong, for the step that ends it. */
  readonly log: string;
  /** A file that is there until it has stopped: a process that nobody waits for may seem alive for longer. */
  readonly running: string;
  readonly token: string;
  readonly resultsUrl: string;
}

/** Beats until it is asked to stop. Nothing that fails here may harm the training: it is logged, and tried again. */
export async function beatLoop(orders: BeatOrders): Promise<void> {
  const heart = new Heart({ ...orders, artifacts: artifactClient(orders) });
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      appendFileSync(orders.log, `${error instanceof Error ? error.message : String(error)}\n`);
    }
  };
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  while (!stop.signal.aborted) {
    await attempt(() => heart.beat());
    await sleep(orders.intervalMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  await attempt(() => heart.stop());
  rmSync(orders.running, { force: true });
}
