/** Cuts Markdown to a size without leaving a code block or a collapsed part open. */

/** GitHub rejects bodies over 65,536 characters; the rest is room for what proxies and editors add. */
export const MAX_COMMENT_CHARS = 60_000;

const CLOSING_DETAILS = "\n</details>";

/**
 * Keeps whole lines from the top, where the verdict is.
 * @param limit characters of the result (UTF-16 units, so never fewer than GitHub counts)
 * @param notice Markdown that says what is missing and where it is; counted in
 * @param measure size of a text; bytes where the limit is in bytes
 */
export function fitToLimit(
  markdown: string,
  limit: number,
  notice: string,
  measure: (text: string) => number = (text) => text.length,
): string {
  if (measure(markdown) <= limit) return markdown;
  const room = limit - measure(`\n\n${notice}\n`);
  if (room < 0) return "";

  const kept: string[] = [];
  let size = 0;
  let state: OpenParts = { fence: null, details: 0 };
  for (const line of markdown.split("\n")) {
    const next = step(state, line);
    const cost = measure(line) + 1;
    if (size + cost + measure(closing(next)) > room) break;
    kept.push(line);
    size += cost;
    state = next;
  }
  return `${kept.join("\n")}${closing(state)}\n\n${notice}\n`;
}

interface OpenParts {
  /** The run of backticks or tildes that opened a code block; null outside. */
  readonly fence: string | null;
  readonly details: number;
}

function step(state: OpenParts, line: string): OpenParts {
  const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
  if (state.fence !== null) {
    const closes =
      mark?.[1] !== undefined &&
      mark[1][0] === state.fence[0] &&
      mark[1].length >= state.fence.length &&
      mark[2]?.trim() === "";
    return closes ? { ...state, fence: null } : state;
  }
  if (mark?.[1] !== undefined) return { ...state, fence: mark[1] };
  const opened = line.match(/<details\b/gi)?.length ?? 0;
  const closed = line.match(/<\/details>/gi)?.length ?? 0;
  return { ...state, details: Math.max(0, state.details + opened - closed) };
}

function closing(state: OpenParts): string {
  const fence = state.fence === null ? "" : `\n${state.fence}`;
  return `${fence}${state.details > 0 ? `\n${CLOSING_DETAILS.repeat(state.details)}` : ""}`;
}
