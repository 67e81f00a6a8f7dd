/** Runs a source's program: no shell, a scrubbed environment, and an end to its time and its output. */
import { spawn } from "node:child_process";
import { printable } from "@gitune/core";
import type { SecretGuard } from "./secret-guard.js";
import { sourceError } from "./source-error.js";

/** Kept of stderr, for the message of a program that fails. */
const MAX_STDERR_CHARS = 2_000;

export interface CommandCall {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly guard: SecretGuard;
  readonly signal: AbortSignal;
}

/** @returns what it printed @throws {GituneError} `refresh.source` */
export function runCommand(call: CommandCall): Promise<Buffer> {
  const { command, cwd, env, timeoutMs, maxBytes, signal } = call;
  const [program = "", ...args] = command;
  const name = JSON.stringify(program);
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it has started ends with it.
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let stderr = "";
    let stopped: Error | null = null;
    const stop = (why: Error) => {
      stopped ??= why;
      killGroup(child.pid);
      // What holds the pipes may have left the group.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const onAbort = () => stop(signal.reason as Error);
    const timer = setTimeout(
      () => stop(sourceError(`${name} ran longer than ${timeoutMs / 1000} s`, { fix: "raise timeout_seconds" })),
      timeoutMs,
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) chunks.push(chunk);
      else stop(sourceError(`${name} printed more than ${maxBytes} bytes`, { fix: "raise max_bytes" }));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-MAX_STDERR_CHARS);
    });
    const settle = (end: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      // Nothing of it runs on, whatever it has put into the background.
      killGroup(child.pid);
      end();
    };
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "ENOENT" ? "there is no such program" : (cause.code ?? "it cannot be started");
      settle(() => reject(sourceError(`${name} cannot be run: ${why}`)));
    });
    child.on("close", (code, ended) => {
      settle(() => {
        if (stopped) reject(stopped);
        else if (code === 0) resolve(Buffer.concat(chunks));
        else reject(sourceError(`${name} ended with ${ended ?? `exit code ${code}`}${said(stderr, call.guard)}`));
      });
    });
  });
}

function said(stderr: string, guard: SecretGuard): string {
  const text = stderr.trim();
  if (text === "") return "";
  return guard.holds(text) ? " (what it said holds a secret, so it is not shown)" : `: ${printable(text)}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
