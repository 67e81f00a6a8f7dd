/** The rim of the process: what is written, in which colours, and what a closed pipe does. */
import picocolors from "picocolors";
import type { Colors } from "picocolors/types.js";
import type { Context } from "../verb.js";

/**
 * Colours for one stream. `NO_COLOR` turns them off and `FORCE_COLOR` on (https://no-color.org: any value but
 * the empty one); else a terminal that is not dumb has them.
 */
export function colorsFor(stream: { readonly isTTY?: boolean }, env: Context["env"]): Colors {
  return picocolors.createColors(wantsColor(stream, env));
}

function wantsColor(stream: { readonly isTTY?: boolean }, env: Context["env"]): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return true;
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** A reader that has seen enough (`gitune diff | head`) is no error: what is left to say is dropped. */
export function tolerateClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
