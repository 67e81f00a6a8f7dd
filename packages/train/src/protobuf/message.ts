/** Writes protobuf. @see https://protobuf.dev/programming-guides/encoding/ */

const utf8 = new TextEncoder();

/** One message under construction, as a list of chunks. Fields are written in the order of the calls. */
export class Message {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  int(field: number, value: number): void {
    this.#tag(field, 0);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#tag(field, 5);
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  double(field: number, value: number): void {
    this.#tag(field, 1);
    this.#push(new Uint8Array(Float64Array.of(value).buffer));
  }

  string(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, 2);
    this.#varint(value.length);
    this.#push(value);
  }

  message(field: number, value: Message): void {
    this.#tag(field, 2);
    this.#varint(value.#size);
    for (const chunk of value.#chunks) this.#push(chunk);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#size);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** Base 128, least significant group first; a negative int64 takes ten bytes of two's complement. */
  #varint(value: number): void {
    const out: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      out.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    out.push(Number(rest));
    this.#push(Uint8Array.from(out));
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }
}
