/** What `validate --fix` mends: bytes that no row is made of. Rows themselves are never touched. */
import { createReadStream } from "node:fs";
import { realpath } from "node:fs/promises";
import { join, posix } from "node:path";
import { errnoOf, listSplit, type Project, writeFileAtomic } from "@gitune/core";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Written at once: a system call a row would be slow. */
const BATCH_BYTES = 256 * 1024;

/** Every JSONL file of a project, splits and suites, relative to the repository's root. */
export async function projectFiles(project: Project): Promise<readonly string[]> {
  const files = new Set<string>();
  for (const split of Object.keys(project.config.data.splits)) {
    for (const file of (await listSplit(project, split)).files) files.add(file);
  }
  for (const { data } of project.config.evals) files.add(posix.join(project.dir, data));
  return [...files];
}

/**
 * Removes byte order marks, `\r` before `\n`, and blank lines. A file is replaced as a whole or not at all.
 * @returns the files that were changed, as they were named
 */
export async function fixFiles(root: string, files: readonly string[]): Promise<readonly string[]> {
  const fixed: string[] = [];
  for (const file of files) {
    try {
      // A link's target is mended, so that the link stays one.
      const path = await realpath(join(root, file));
      if (!(await needsFix(path))) continue;
      await writeFileAtomic(path, cleanBytes(path));
      fixed.push(file);
    } catch (error) {
      // Validation says that it cannot be read.
      if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "EISDIR") throw error;
    }
  }
  return fixed;
}

async function needsFix(path: string): Promise<boolean> {
  for await (const { isClean } of linesOf(path)) if (!isClean) return true;
  return false;
}

async function* cleanBytes(path: string): AsyncGenerator<Uint8Array> {
  let batch: Uint8Array[] = [];
  let size = 0;
  for await (const { bytes } of linesOf(path)) {
    if (bytes.length === 0) continue;
    batch.push(bytes, NEWLINE_BYTES);
    size += bytes.length + 1;
    if (size < BATCH_BYTES) continue;
    yield Buffer.concat(batch);
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield Buffer.concat(batch);
}

const NEWLINE_BYTES = Uint8Array.of(NEWLINE);

interface CleanLine {
  /** Without its line end, byte order mark and blanks-only content. */
  readonly bytes: Uint8Array;
  readonly isClean: boolean;
}

/** UTF-16 is left alone: its bytes are no lines of ours. */
async function* linesOf(path: string): AsyncGenerator<CleanLine> {
  let held: Buffer[] = [];
  let isFirst = true;
  for await (const chunk of createReadStream(path, { highWaterMark: BATCH_BYTES })) {
    const data = chunk as Buffer;
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...held, data.subarray(start, end)]);
      held = [];
      start = end + 1;
      if (isFirst && isUtf16(line)) return;
      yield cleanLine(line, isFirst);
      isFirst = false;
    }
    if (start < data.length) held.push(data.subarray(start));
  }
  const last = Buffer.concat(held);
  if (last.length === 0 || (isFirst && isUtf16(last))) return;
  const line = cleanLine(last, isFirst);
  // A last line without a newline is as good as one with it: no reason to write the file.
  yield line;
}

function cleanLine(line: Buffer, isFirst: boolean): CleanLine {
  const hasMark = isFirst && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
  const from = hasMark ? 3 : 0;
  let to = line.length;
  while (to > from && line[to - 1] === RETURN) to -= 1;
  const bytes = line.subarray(from, to);
  const isBlank = bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === RETURN);
  return { bytes: isBlank ? bytes.subarray(0, 0) : bytes, isClean: bytes.length === line.length && !isBlank };
}

function isUtf16(line: Buffer): boolean {
  return (line[0] === 0xff && line[1] === 0xfe) || (line[0] === 0xfe && line[1] === 0xff);
}
