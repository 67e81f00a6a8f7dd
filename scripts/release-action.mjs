/**
 * Makes the commit that users of the action get: main with its build, which main itself never has. After `npm run build`:
 *
 *   node scripts/release-action.mjs       bundles the action, commits it with the packages' builds, tags that v1.2.3 and v1
 *
 * The version is that of package.json. HEAD, the index and the working tree stay as they are; nothing is pushed. The same
 * commit with the same build is the same commit again, by its author and dates. A pre-release moves no `v1`.
 * @see .github/workflows/action-release.yml
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { minimatch } from "minimatch";

/** What the action's steps start, and what that imports. The action itself is in its bundle. */
const ENGINE = ["cli", "core", "eval", "train"];
const BUNDLE = "packages/action/bundle";

/**
 * The built files of a release: of each package what its package.json publishes, but for types.
 * @param {string} root the workspace's root
 * @returns {string[]} paths from the root, forward slashes
 */
export function releaseFiles(root) {
  const built = ENGINE.flatMap((name) => {
    const folder = `packages/${name}`;
    const { files } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const isPublished = (file) =>
      files.reduce(
        (is, pattern) =>
          pattern.startsWith("!") ? is && !minimatch(file, pattern.slice(1)) : is || minimatch(file, pattern),
        false,
      );
    return list(root, `${folder}/dist`).filter(
      (file) => /\.js(?:on)?$/.test(file) && isPublished(file.slice(folder.length + 1)),
    );
  });
  return [...built, ...list(root, BUNDLE)].sort();
}

/**
 * @param {string} root the workspace's root, a git repository; built and bundled
 * @returns {{ tag: string, major: string | null, commit: string }} the tags that point at the commit
 */
export function commitRelease(root) {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const tag = `v${version}`;
  const changed = git(root, ["status", "--porcelain"]);
  if (changed !== "") throw new Error(`commit first, a release is what git knows:\n${changed}`);
  if (git(root, ["tag", "--list", tag]) !== "")
    throw new Error(`${tag} is there already: raise the version in package.json`);

  const scratch = mkdtempSync(join(tmpdir(), "gitune-release-"));
  try {
    const index = { GIT_INDEX_FILE: join(scratch, "index") };
    git(root, ["read-tree", "HEAD"], index);
    git(root, ["update-index", "--add", "--stdin"], index, releaseFiles(root).join("\n"));
    const tree = git(root, ["write-tree"], index);
    const [name, email, date, id] = git(root, ["log", "-1", "--format=%an%n%ae%n%cI%n%H"]).split("\n");
    const commit = git(root, ["commit-tree", tree, "-p", id, "-m", `${tag}: ${id.slice(0, 7)} with its build`], {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: date,
    });
    const major = version.includes("-") ? null : tag.split(".")[0];
    git(root, ["tag", tag, commit]);
    if (major !== null) git(root, ["tag", "--force", major, commit]);
    return { tag, major, commit };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function list(root, folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(root.length)
        .replaceAll("\\", "/")
        .replace(/^\//, ""),
    );
}

function git(root, args, env = {}, input = "") {
  // Nothing that points at another repository, as in a git hook.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  return execFileSync("git", args, { cwd: root, encoding: "utf8", env: { ...inherited, ...env }, input }).trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  await import("../packages/action/scripts/bundle.mjs");
  const { tag, major, commit } = commitRelease(root);
  if (process.env.GITHUB_OUTPUT) appendFileSync(process.env.GITHUB_OUTPUT, `tag=${tag}\nmajor=${major ?? ""}\n`);
  console.log(`${commit}: ${[tag, ...(major === null ? [] : [major])].join(", ")}`);
}
