/** Bytes cut into lines, with memory bounded by the longest line that is allowed. */

export interface Line {
  /** Counts from 1. */
  readonly line: number;
  readonly byteOffset: number;
  /** Without the newline. */
  readonly byteLength: number;
  /** Null where the line is longer than allowed: its bytes were let go. */
  readonly bytes: Uint8Array | null;
}

const NEWLINE = 0x0a;

/** Splits at `\n` alone; the last line needs none. Chunks may be cut anywhere. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<Line> {
  let line = 1;
  let byteOffset = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end < 0 ? chunk.length : end);
      heldBytes += part.length;
      if (heldBytes > maxLineBytes) held = [];
      else if (end < 0 && part.length > 0) held.push(part);
      if (end < 0) break;
      yield {
        line,
        byteOffset,
        byteLength: heldBytes,
        bytes: heldBytes > maxLineBytes ? null : join(held, part, heldBytes),
      };
      line += 1;
      byteOffset += heldBytes + 1;
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
  }
  if (heldBytes > 0) {
    const bytes = heldBytes > maxLineBytes ? null : join(held, new Uint8Array(), heldBytes);
    yield { line, byteOffset, byteLength: heldBytes, bytes };
  }
}

function join(held: readonly Uint8Array[], last: Uint8Array, length: number): Uint8Array {
  if (held.length === 0) return last;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of held) {
    all.set(part, at);
    at += part.length;
  }
  all.set(last, at);
  return all;
}
