/** Beats: looks whether a training has given a sign of life and a checkpoint since the last time, and sends both. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beatName, checkpointName } from "./names.js";
import { type FoundCheckpoint, findNewestCheckpoint, holdCheckpoint } from "./newest-checkpoint.js";
import { readSign } from "./sign-of-life.js";

/** What is needed of GitHub. */
export interface ArtifactStore {
  /** @param files absolute paths below `root` */
  readonly upload: (name: string, files: readonly string[], root: string) => Promise<void>;
  /** One that is not there is as good as removed. */
  readonly remove: (name: string) => Promise<void>;
}

export interface HeartOptions {
  readonly leg: number;
  /** Absolute. */
  readonly store: string;
  readonly sign: string;
  /** For files while they are sent. */
  readonly temp: string;
  readonly artifacts: ArtifactStore;
}

export class Heart {
  private readonly options: HeartOptions;
  private sign = "";
  private checkpoint = "";
  private slot: "a" | "b" = "a";

  constructor(options: HeartOptions) {
    this.options = options;
  }

  /** One look. A training that said nothing new and wrote no checkpoint since the last one has no beat. */
  async beat(): Promise<void> {
    const { leg, store, artifacts } = this.options;
    const checkpoint = findNewestCheckpoint(store);
    const sign = `${readSign(this.options.sign)} ${checkpoint?.id ?? ""}`.trim();
    if (sign === this.sign) return;
    await this.inFolder(async (folder) => {
      const path = join(folder, "beat.json");
      writeFileSync(path, JSON.stringify({ version: 1, at: new Date().toISOString() }));
      // Artifacts cannot be changed. Between the two, who looks sees no beat, and keeps the one before.
      await artifacts.remove(beatName(leg));
      await artifacts.upload(beatName(leg), [path], folder);
    });
    this.sign = sign;
    if (checkpoint !== null && checkpoint.id !== this.checkpoint) await this.send(checkpoint);
  }

  /** The job is over and has kept all it has: nothing is left of what was for the case that it is lost. */
  async stop(): Promise<void> {
    const { leg, artifacts } = this.options;
    for (const name of [beatName(leg), checkpointName(leg, "a"), checkpointName(leg, "b")])
      await artifacts.remove(name);
  }

  private async send(checkpoint: FoundCheckpoint): Promise<void> {
    const { leg, store, artifacts } = this.options;
    const slot = this.slot;
    const other = slot === "a" ? "b" : "a";
    await this.inFolder(async (folder) => {
      const files = holdCheckpoint(store, checkpoint, folder);
      // What an earlier attempt of the run left under this name.
      await artifacts.remove(checkpointName(leg, slot));
      await artifacts.upload(checkpointName(leg, slot), files, folder);
    });
    await artifacts.remove(checkpointName(leg, other));
    this.slot = other;
    this.checkpoint = checkpoint.id;
  }

  private async inFolder(work: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(this.options.temp, "gitune-beat-"));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
