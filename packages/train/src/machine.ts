/** What can be asked of a machine without starting anything heavy; tests of the device tables answer in its place. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { promisify } from "node:util";

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
  /** Names in a folder; none where there is no such folder. */
  readonly list: (folder: string) => readonly string[];
  /** Where an npm package is installed, as seen from here; null where it is not. */
  readonly packageFolder: (name: string) => string | null;
  /** What a program prints; null where it is not there, fails or takes too long. */
  readonly ask: (program: string, args: readonly string[]) => Promise<string | null>;
}

/** What a device or a runtime lacks. */
export interface Missing {
  readonly detail: string;
  /** The exact command, or the change, that mends it. */
  readonly fix: string;
}

/** nvidia-smi takes a second or two when it has to wake the driver; a broken driver may hang it. */
const ASK_TIMEOUT_MS = 10_000;

const { resolve } = createRequire(import.meta.url);

export const thisMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  env: process.env,
  exists: existsSync,
  list: (folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  packageFolder: (name) => {
    try {
      return dirname(resolve(`${name}/package.json`));
    } catch {
      return null;
    }
  },
  ask: async (program, args) => {
    try {
      return (await promisify(execFile)(program, [...args], { timeout: ASK_TIMEOUT_MS })).stdout;
    } catch {
      return null;
    }
  },
};
