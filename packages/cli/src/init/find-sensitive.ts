/** Rows that hold what nobody should learn, nor find in git: tokens, keys, addresses of people. */
import { join } from "node:path";
import { readJsonl, sensitiveKinds } from "@gitune/core";

/** How many rows hold something of one kind, and the first place where. The thing itself is kept nowhere. */
export interface Sensitive {
  /** Such as "an e-mail address". */
  readonly kind: string;
  readonly rows: number;
  /** `file:line` */
  readonly first: string;
}

/** Looks through the rows of files. @param files relative to the root */
export async function findSensitive(
  root: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<readonly Sensitive[]> {
  const found = new Map<string, { rows: number; readonly first: string }>();
  for (const file of files) {
    for await (const item of readJsonl(join(root, ...file.split("/")), { file, signal })) {
      if (item.kind === "issue") continue;
      for (const kind of sensitiveKinds(item.value)) {
        const known = found.get(kind);
        if (known) known.rows += 1;
        else found.set(kind, { rows: 1, first: `${file}:${item.line}` });
      }
    }
  }
  return [...found].map(([kind, { rows, first }]) => ({ kind, rows, first }));
}
