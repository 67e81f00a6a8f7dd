/** Where finished work is kept: `.gitune/store`, or the folder that `GITUNE_STORE` names. */
import { join, resolve } from "node:path";
import { refuseOwnFolder, Store } from "@gitune/core";
import type { Context } from "./verb.js";

/**
 * A damaged entry is told and made anew.
 * @throws {GituneError} `store.committed` (exit code 2) where the entries came with a commit
 */
export async function openStore(
  root: string,
  { env, cwd, note }: Pick<Context, "env" | "cwd" | "note">,
): Promise<Store> {
  await refuseOwnFolder(root);
  const named = env["GITUNE_STORE"];
  const dir = named ? resolve(cwd, named) : join(root, ".gitune", "store");
  return new Store(dir, { onIssue: ({ message }) => note(message) });
}
