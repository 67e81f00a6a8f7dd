/**
 * A program at a pseudo-terminal, and somebody who types. Node cannot make one; `script` can, which is util-linux's and on
 * every Debian and Ubuntu (package bsdutils). Other systems have a `script` with other options, or none.
 */
import { spawn } from "node:child_process";

/** What to say to a test that needs one: false where there is one. */
export const NO_TERMINAL = process.platform === "linux" ? false : "needs util-linux's script";

export interface Terminal {
  /** All that was shown so far, what was typed included. */
  readonly shown: () => string;
  /** Resolves once a text is shown; rejects where the program ends without it. */
  readonly until: (text: string) => Promise<void>;
  readonly type: (keys: string) => void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts Node with arguments at a terminal of its own. */
export function nodeAtTerminal(
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Terminal {
  // The command goes through a shell, so its words go by the environment: no quoting to get wrong.
  const words = [process.execPath, ...args];
  const env = Object.fromEntries(words.map((word, at) => [`WORD_${at}`, word]));
  const command = words.map((_, at) => `"$WORD_${at}"`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: options.cwd,
    env: { ...options.env, ...env, SHELL: "/bin/sh", TERM: "dumb" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    shown += chunk;
    for (const look of waiting) look();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return {
    shown: () => shown,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!shown.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without ${JSON.stringify(text)}:\n${shown}`)), reject);
      }),
    type: (keys) => child.stdin.write(keys),
    ended,
  };
}
