/** A repository of a model or a dataset: commits, branches and tags. */
import { createHash, randomUUID } from "node:crypto";
import { HubRefusal } from "./answer.js";

export interface RepoFile {
  readonly size: number;
  /** git's blob id: of the content, or of the LFS pointer. */
  readonly oid: string;
  readonly bytes: Buffer;
  readonly lfs: { readonly oid: string; readonly size: number; readonly pointerSize: number } | null;
}

export interface Commit {
  readonly oid: string;
  readonly parent: string | null;
  readonly title: string;
  readonly date: string;
  readonly files: ReadonlyMap<string, RepoFile>;
}

export class Repository {
  readonly name: string;
  readonly isPrivate: boolean;
  /** Anyone sees that it is there; only its owner reads it. */
  isGated = false;
  readonly branches = new Map<string, string>();
  readonly tags = new Map<string, string>();
  readonly #commits = new Map<string, Commit>();

  constructor(name: string, isPrivate: boolean) {
    this.name = name;
    this.isPrivate = isPrivate;
    const attributes = Buffer.from("*.safetensors filter=lfs diff=lfs merge=lfs -text\n");
    this.commit("main", "initial commit", new Map([[".gitattributes", plainFile(attributes)]]));
  }

  /**
   * @param files all of them, not only those that changed
   * @param named its name, in place of one by chance
   */
  commit(branch: string, title: string, files: ReadonlyMap<string, RepoFile>, named?: string): Commit {
    const parent = this.branches.get(branch) ?? null;
    const date = new Date().toISOString();
    const oid = named ?? createHash("sha1").update(`${parent} ${title} ${randomUUID()}`).digest("hex");
    const commit = { oid, parent, title, date, files };
    this.#commits.set(oid, commit);
    this.branches.set(branch, oid);
    return commit;
  }

  /** @param revision a branch, a tag or a commit */
  at(revision: string): Commit {
    const oid = this.branches.get(revision) ?? this.tags.get(revision) ?? revision;
    const commit = this.#commits.get(oid);
    if (!commit) throw new HubRefusal(404, `Invalid rev id: ${revision}`, "RevisionNotFound");
    return commit;
  }

  /** Newest first. */
  history(revision: string): readonly Commit[] {
    const commits: Commit[] = [];
    for (let commit: Commit | undefined = this.at(revision); commit; commit = this.#commits.get(commit.parent ?? "")) {
      commits.push(commit);
    }
    return commits;
  }
}

export function plainFile(bytes: Buffer): RepoFile {
  return { size: bytes.length, oid: blobOid(bytes), bytes, lfs: null };
}

export function lfsFile(oid: string, bytes: Buffer): RepoFile {
  const pointer = lfsPointer(oid, bytes.length);
  const lfs = { oid, size: bytes.length, pointerSize: pointer.length };
  return { size: bytes.length, oid: blobOid(pointer), bytes, lfs };
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer */
export function lfsPointer(oid: string, size: number): Buffer {
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`);
}

function blobOid(bytes: Buffer): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
