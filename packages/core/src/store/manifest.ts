/** What a stored folder holds: every file with its size and sha256. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hashFile } from "../hash.js";
import { InternalError } from "../issue.js";

export interface Manifest {
  readonly version: 1;
  /** Sorted by path; paths have forward slashes and are relative to the folder. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

/** Hashes a folder. Only files and folders are stored: a link could lead anywhere. */
export async function buildManifest(folder: string): Promise<Manifest> {
  const paths = await listFiles(folder, "");
  const files = [];
  for (const path of paths.sort()) {
    const native = join(folder, ...path.split("/"));
    const { size } = await stat(native);
    files.push({ path, size, sha256: await hashFile(native) });
  }
  return { version: 1, files };
}

/** @returns what differs, as the end of a sentence; null where the folder is exactly what the manifest says */
export async function verifyManifest(folder: string, manifest: Manifest): Promise<string | null> {
  const there = new Set(await listFiles(folder, ""));
  for (const { path, size, sha256 } of manifest.files) {
    if (!there.delete(path)) return `${path} is missing`;
    const native = join(folder, ...path.split("/"));
    if ((await stat(native)).size !== size) return `${path} has another size`;
    if ((await hashFile(native)) !== sha256) return `${path} has another checksum`;
  }
  const [extra] = there;
  return extra === undefined ? null : `${extra} was added`;
}

/** Reads a manifest's text. @returns null where it is none */
export function parseManifest(text: string): Manifest | null {
  try {
    const manifest = JSON.parse(text) as Partial<Manifest> | null;
    const isFine =
      manifest?.version === 1 &&
      Array.isArray(manifest.files) &&
      manifest.files.every(
        ({ path, size, sha256 }) => typeof path === "string" && typeof size === "number" && typeof sha256 === "string",
      );
    return isFine ? (manifest as Manifest) : null;
  } catch {
    return null;
  }
}

async function listFiles(folder: string, below: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) paths.push(...(await listFiles(folder, path)));
    else if (entry.isFile()) paths.push(path);
    else throw new InternalError(`${path} is neither a file nor a folder, so it cannot be stored`);
  }
  return paths;
}
