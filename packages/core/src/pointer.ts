/** JSON pointers (RFC 6901). */

/** `["messages", 1, "role"]` -> `/messages/1/role`; the whole value is the empty string. */
export function toPointer(tokens: readonly (string | number)[]): string {
  return tokens.map((token) => `/${String(token).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** `/messages/1/role` -> `["messages", "1", "role"]` */
export function fromPointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}
