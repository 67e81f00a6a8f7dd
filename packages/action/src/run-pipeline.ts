/** Runs the CLI as a process of its own, with no shell, no token, and no voice in the runner's log. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";

export interface PipelineRun {
  /** 0..3 as in contracts.md §2; null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  /** True when it printed more than the limit and was stopped for it. */
  readonly isOverflowing: boolean;
}

/** A document holds no rows, only rules and issues; a run of 256 projects with 1,000 issues each stays below. */
const MAX_STDOUT_BYTES = 128 * 2 ** 20;
/** What `setTimeout` can wait for, 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** The runner's log is read by people; a 50 MB row must not become a 50 MB line. */
const MAX_LOG_LINE_CHARS = 4000;

/**
 * Problem matchers that actions/setup-node leaves behind: each line of a log that looks like an error of TypeScript or
 * ESLint becomes an annotation, and stopped commands do not stop that.
 */
const MATCHERS = ["tsc", "eslint-compact", "eslint-stylish"];

/**
 * @param main absolute path of the CLI's built main.js
 * @param args its arguments, as they are
 * @param write where log lines go, process.stdout in a run
 * @param endAfterMs when one that should have stopped by itself is ended
 */
export async function runPipeline(options: {
  readonly main: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly write: (text: string) => void;
  readonly endAfterMs?: number;
}): Promise<PipelineRun> {
  const { main, args, cwd, env, write, endAfterMs } = options;
  // Rows get into error messages, and the runner obeys any line that begins with `::`, on stderr as well. The
  // token is unknown to the child, so nothing it prints can end the silence.
  const token = randomUUID();
  for (const owner of MATCHERS) write(`::remove-matcher owner=${owner}::\n`);
  write(`::stop-commands::${token}\n`);
  try {
    return await new Promise<PipelineRun>((resolve, reject) => {
      const child = spawn(process.execPath, [main, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
      const stdout: Buffer[] = [];
      let stdoutBytes = 0;
      child.stdout.on("data", (chunk: Buffer) => {
        stdoutBytes += chunk.length;
        if (stdoutBytes > MAX_STDOUT_BYTES) child.kill("SIGKILL");
        else stdout.push(chunk);
      });
      const log = lineWriter(write);
      child.stderr.on("data", (chunk: Buffer) => log.push(chunk));

      const forward = (signal: NodeJS.Signals) => child.kill(signal);
      process.on("SIGINT", forward);
      process.on("SIGTERM", forward);
      const end = () => {
        write("gitune did not stop at its time limit, so it is ended.\n");
        child.kill("SIGKILL");
      };
      const timer = endAfterMs === undefined ? undefined : setTimeout(end, Math.min(endAfterMs, MAX_TIMEOUT_MS));
      const release = () => {
        clearTimeout(timer);
        process.off("SIGINT", forward);
        process.off("SIGTERM", forward);
      };
      child.on("error", (error) => {
        release();
        reject(error);
      });
      child.on("close", (exitCode, signal) => {
        release();
        log.end();
        const isOverflowing = stdoutBytes > MAX_STDOUT_BYTES;
        resolve({ exitCode, signal, stdout: Buffer.concat(stdout).toString("utf8"), isOverflowing });
      });
    });
  } finally {
    write(`::${token}::\n`);
  }
}

/** Whole lines only, so that the token's line is never glued to a half one. */
function lineWriter(write: (text: string) => void): { push: (chunk: Buffer) => void; end: () => void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const print = (line: string) => {
    const kept = line.length > MAX_LOG_LINE_CHARS ? `${line.slice(0, MAX_LOG_LINE_CHARS)} …` : line;
    write(`${kept}\n`);
  };
  return {
    push(chunk) {
      const lines = (rest + decoder.write(chunk)).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) print(line);
      // A line without an end must not be kept whole either; what is beyond the limit would be cut anyway.
      if (rest.length > 2 * MAX_LOG_LINE_CHARS) rest = rest.slice(0, MAX_LOG_LINE_CHARS + 1);
    },
    end() {
      rest += decoder.end();
      if (rest !== "") print(rest);
    },
  };
}
