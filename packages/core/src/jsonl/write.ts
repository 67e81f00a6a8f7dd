import { type AtomicOptions, writeFileAtomic } from "../io/atomic.js";

/**
 * Writes rows as JSON Lines, all of them or none.
 * @throws {GituneError} `disk.full` or `disk.write`, exit code 3
 */
export async function writeJsonl(
  path: string,
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  options: AtomicOptions = {},
): Promise<void> {
  await writeFileAtomic(path, encode(rows), options);
}

/** About 64 KiB a write: a system call a row would be slow. */
async function* encode(rows: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<string> {
  let text = "";
  for await (const row of rows) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length >= 64 * 1024) {
      yield text;
      text = "";
    }
  }
  if (text !== "") yield text;
}
