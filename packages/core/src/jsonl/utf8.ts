/** Strict UTF-8, with the place of the first byte that is not. */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @returns the text, or undefined where the bytes are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Offset of the first byte that does not start a well-formed sequence (Unicode 15, table 3-7), or -1. */
export function firstBadByte(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    if (lead < 0x80) {
      at += 1;
      continue;
    }
    const length =
      lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length === 0) return at;
    const second = bytes[at + 1] ?? 0;
    // The second byte's range shuts out overlong forms, surrogates and codes above U+10FFFF.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return at;
    for (let index = 2; index < length; index += 1) {
      if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return at;
    }
    at += length;
  }
  return -1;
}
