/** How the parts of an issue look on a terminal. */
import type { IssuePart, RenderOptions } from "@gitune/core";
import type { Colors } from "picocolors/types.js";

export function issueColors(colors: Colors): NonNullable<RenderOptions["color"]> {
  const paints: Readonly<Partial<Record<IssuePart, Colors["bold"]>>> = {
    place: colors.bold,
    pointer: colors.cyan,
    code: colors.dim,
    warning: colors.yellow,
    fix: colors.green,
  };
  return (part, text) => paints[part]?.(text) ?? text;
}
