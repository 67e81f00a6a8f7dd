/** gitune's repository as a release has it: action.yml with its bundle, and the CLI beside it. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** gitune's own repository. */
export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

/** The default action's file and those of the sub-actions, from the root. */
export const ACTION_FILES = [".", ...readdirSync(join(REPOSITORY, "packages/action"))]
  .map((name) => join("packages/action", name, "action.yml"))
  .filter((file) => existsSync(join(REPOSITORY, file)));

export interface ActionFolder {
  /** The repository's root. */
  readonly root: string;
  /** What `uses:` resolves to. */
  readonly dir: string;
  readonly remove: () => void;
}

/**
 * @param cli `real`, or the source of a program that takes the CLI's place: the worst that a pipeline which has been
 *   taken over could print can be had in no other way
 * @param options false leaves out the dependencies, as in a fresh download of the action
 */
export async function makeActionFolder(
  cli: "real" | { readonly source: string },
  { isInstalled = true }: { readonly isInstalled?: boolean } = {},
): Promise<ActionFolder> {
  const root = mkdtempSync(join(tmpdir(), "gitune-action-"));
  const dir = join(root, "packages", "action");
  mkdirSync(dir, { recursive: true });
  for (const file of ACTION_FILES) cpSync(join(REPOSITORY, file), join(root, file));
  await bundleInto(join(dir, "bundle"));
  cpSync(join(REPOSITORY, "package-lock.json"), join(root, "package-lock.json"));
  if (isInstalled) symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  if (cli === "real") {
    symlinkSync(join(REPOSITORY, "packages/cli"), join(root, "packages/cli"));
    symlinkSync(join(REPOSITORY, "packages/train"), join(root, "packages/train"));
  } else {
    mkdirSync(join(root, "packages/cli/dist"), { recursive: true });
    writeFileSync(join(root, "packages/cli/package.json"), '{ "type": "module" }');
    writeFileSync(join(root, "packages/cli/dist/main.js"), cli.source);
  }
  return { root, dir, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** With the release's own options, but not into the release's own folder, where a test beside this one may read. */
async function bundleInto(outdir: string): Promise<void> {
  const { bundleOptions } = (await import(join(REPOSITORY, "packages/action/scripts/bundle-options.mjs"))) as {
    bundleOptions: (outdir: string) => Parameters<typeof build>[0];
  };
  await build(bundleOptions(outdir));
}
