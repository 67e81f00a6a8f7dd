/** Git LFS: git holds a pointer, and the content lies beside git's own objects once somebody has fetched it. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { errnoOf } from "../io/errno.js";
import { gitText } from "./git.js";

/** A pointer is shorter. @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
export const MAX_POINTER_BYTES = 1024;

/** Without extensions, whose content is not what the id says. */
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n$/;

/**
 * Nothing is fetched, and no program of the repository's settings is run.
 * @param root a folder of the repository
 * @param blob all of what git holds
 * @returns path of the content, its sha256 checked; null for no pointer, or one whose content is not here
 */
export async function lfsContent(root: string, blob: Uint8Array): Promise<string | null> {
  const [, id, size] = POINTER.exec(Buffer.from(blob).toString("latin1")) ?? [];
  if (id === undefined) return null;
  const gitDir = resolve(root, (await gitText(root, ["rev-parse", "--git-common-dir"])).trimEnd());
  const path = join(gitDir, "lfs", "objects", id.slice(0, 2), id.slice(2, 4), id);
  try {
    if ((await stat(path)).size !== Number(size)) return null;
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    return hash.digest("hex") === id ? path : null;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
}
