/** `.gitune`: what gitune itself makes of a repository, and believes. */
import { GituneError } from "../issue.js";
import { git } from "./git.js";

/** In lower case: a disk that takes both cases for one would read another spelling, too. */
const OWN_FOLDER = ".gitune";

/**
 * Refuses a commit that brings its own `.gitune`: results and token ids in it would be believed, since their checksums can
 * be right, and a link in its place would lead reports to be written, and uploaded, elsewhere.
 * @param root absolute; of no repository, or of one without a commit, nothing is refused
 * @throws {GituneError} `store.committed` (exit code 2)
 */
export async function refuseOwnFolder(root: string): Promise<void> {
  // Without --full-tree, so that it is about the root's own entries where the root is a folder of the repository.
  const { code, stdout } = await git(root, ["ls-tree", "-z", "--name-only", "HEAD"]);
  const name = code === 0 ? stdout.split("\0").find((entry) => entry.toLowerCase() === OWN_FOLDER) : undefined;
  if (name === undefined) return;
  throw new GituneError({
    code: "store.committed",
    severity: "error",
    file: name,
    message: `the commit holds ${name}, where only gitune itself may write: results in it would be believed`,
    fix: `git rm -r --cached ${name}, and add .gitune/ to .gitignore`,
  });
}
