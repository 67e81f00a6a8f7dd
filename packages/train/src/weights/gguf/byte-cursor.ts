import { readSync } from "node:fs";

/** A vocabulary is read in a few of these. */
const WINDOW_BYTES = 1024 * 1024;

/** Walks a file's head value by value, with one window of it in memory. Little-endian, as the machines we run on. */
export class ByteCursor {
  /** Of the next byte, from the file's start. */
  position = 0;
  private readonly fd: number;
  /** No byte from here on is read. */
  private readonly end: number;
  private readonly fail: (what: string) => never;
  private window = new Uint8Array(0);
  private view = new DataView(this.window.buffer);
  private windowStart = 0;

  /** @param fail throws what a caller hears who asks for bytes past `end` */
  constructor(fd: number, end: number, fail: (what: string) => never) {
    this.fd = fd;
    this.end = end;
    this.fail = fail;
  }

  /** Bytes that can still be read. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** The next `length` bytes: a view that the next call may overwrite. */
  take(length: number, what: string): Uint8Array {
    const at = this.advance(length, what);
    return this.window.subarray(at, at + length);
  }

  /** The next `length` bytes, as a copy that stands at the start of its own buffer. */
  copy(length: number, what: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.take(length, what));
  }

  u8(what: string): number {
    return this.view.getUint8(this.advance(1, what));
  }

  i8(what: string): number {
    return this.view.getInt8(this.advance(1, what));
  }

  u16(what: string): number {
    return this.view.getUint16(this.advance(2, what), true);
  }

  i16(what: string): number {
    return this.view.getInt16(this.advance(2, what), true);
  }

  u32(what: string): number {
    return this.view.getUint32(this.advance(4, what), true);
  }

  i32(what: string): number {
    return this.view.getInt32(this.advance(4, what), true);
  }

  f32(what: string): number {
    return this.view.getFloat32(this.advance(4, what), true);
  }

  f64(what: string): number {
    return this.view.getFloat64(this.advance(8, what), true);
  }

  u64(what: string): bigint {
    return this.view.getBigUint64(this.advance(8, what), true);
  }

  i64(what: string): bigint {
    return this.view.getBigInt64(this.advance(8, what), true);
  }

  /** Moves on by `length`. @returns where in the window the bytes begin */
  private advance(length: number, what: string): number {
    if (length > this.remaining) this.fail(what);
    const at = this.position - this.windowStart;
    this.position += length;
    if (at + length <= this.window.length) return at;
    this.refill(this.position - length, length, what);
    return 0;
  }

  private refill(start: number, needed: number, what: string): void {
    const bytes = new Uint8Array(Math.max(needed, Math.min(WINDOW_BYTES, this.end - start)));
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.fd, bytes, done, bytes.length - done, start + done);
      // The file was cut after its size was taken.
      if (read === 0) this.fail(what);
      done += read;
    }
    this.window = bytes;
    this.view = new DataView(bytes.buffer);
    this.windowStart = start;
  }
}
