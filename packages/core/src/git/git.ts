/** git, called with a list of arguments, never through a shell. What writes objects and branches is in `write.ts`. */
import { execFile, spawn } from "node:child_process";
import { errnoOf } from "../io/errno.js";
import { GituneError } from "../issue.js";

/** Lists of a repository's files fit easily; the limit shuts out the absurd. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** No prompts, no locks, no translated messages, and no replacement objects: history as it is. */
function gitEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
  };
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitCall {
  /** Beside the environment that every call has. */
  readonly env?: Readonly<Record<string, string>>;
  /** For its stdin. */
  readonly input?: string | Uint8Array;
}

/**
 * Runs git in a folder.
 * @throws {GituneError} `git.missing`, exit code 3
 */
export function git(root: string, args: readonly string[], call: GitCall = {}): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    const env = { ...gitEnvironment(), ...call.env };
    const options = { cwd: root, env, maxBuffer: MAX_OUTPUT_BYTES, encoding: "utf8" as const };
    const child = execFile("git", [...args], options, (error, stdout, stderr) => {
      if (!error) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
      else reject(cannotRun(error));
    });
    // A broken pipe shows as git's own failure.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(call.input ?? "");
  });
}

/** As `git`, but a failure of git is an error. @throws {GituneError} `git.failed` or `git.not-a-repository` */
export async function gitText(root: string, args: readonly string[], call: GitCall = {}): Promise<string> {
  const { code, stdout, stderr } = await git(root, args, call);
  if (code === 0) return stdout;
  throw gitFailure(root, args, stderr);
}

/** What git said, as an error. */
export function gitFailure(root: string, args: readonly string[], stderr: string): GituneError {
  if (/not a git repository/.test(stderr)) {
    const message = `${root} is in no git repository`;
    return new GituneError({ code: "git.not-a-repository", severity: "error", message, fix: "git init, then commit" });
  }
  const owner = /dubious ownership/.test(stderr) ? { fix: `git config --global --add safe.directory ${root}` } : {};
  const message = `git ${args[0] ?? ""} failed: ${stderr.trim().slice(0, 2000)}`;
  return new GituneError({ code: "git.failed", severity: "error", message, ...owner }, { exitCode: 3 });
}

function cannotRun(cause: unknown): GituneError {
  const message =
    errnoOf(cause) === "ENOENT" ? "git is not installed, or the folder is gone" : `git cannot be run: ${String(cause)}`;
  return new GituneError(
    { code: "git.missing", severity: "error", message, fix: "install git 2.30 or newer" },
    { exitCode: 3, cause },
  );
}

/** An object on its way out of git: its bytes must be read before the next one comes. */
export interface GitObject {
  readonly sha: string;
  readonly sizeBytes: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Streams objects by their ids out of one `git cat-file --batch`.
 * @throws {GituneError} `git.failed` where an object is not there (a shallow or partial clone)
 */
export async function* readObjects(root: string, shas: readonly string[]): AsyncGenerator<GitObject> {
  if (shas.length === 0) return;
  const child = spawn("git", ["cat-file", "--batch"], {
    cwd: root,
    env: gitEnvironment(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(cannotRun(error)));
  });
  failed.catch(() => undefined);
  // A broken pipe shows as the end of stdout.
  child.stdin.on("error", () => undefined);
  child.stdin.end(`${shas.join("\n")}\n`);
  const reader = new ByteReader(child.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>, failed);
  try {
    for (const sha of shas) {
      const header = await reader.line();
      const match = /^([0-9a-f]+) blob (\d+)$/.exec(header ?? "");
      if (!match) {
        const reason = header?.endsWith(" missing")
          ? `object ${sha} is not in this clone; fetch it: git fetch --unshallow`
          : stderr;
        throw gitFailure(root, ["cat-file"], reason);
      }
      const sizeBytes = Number(match[2]);
      const body = reader.body(sizeBytes);
      yield { sha, sizeBytes, bytes: body };
      // What the caller left unread is skipped.
      for await (const _ of body);
      await reader.line();
    }
  } finally {
    child.kill();
  }
}

/** Lines and counted bytes out of a stream of chunks. */
class ByteReader {
  private held: Uint8Array = new Uint8Array();

  constructor(
    private readonly source: AsyncIterator<Uint8Array>,
    private readonly failed: Promise<never>,
  ) {}

  /** @returns undefined at the end */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.held.indexOf(0x0a);
      if (end >= 0) {
        const text = Buffer.from(this.held.subarray(0, end)).toString("utf8");
        this.held = this.held.subarray(end + 1);
        return text;
      }
      if (!(await this.more())) return undefined;
    }
  }

  async *body(sizeBytes: number): AsyncGenerator<Uint8Array> {
    let left = sizeBytes;
    while (left > 0) {
      if (this.held.length === 0 && !(await this.more())) return;
      const part = this.held.subarray(0, left);
      this.held = this.held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  private async more(): Promise<boolean> {
    const next = await Promise.race([this.source.next(), this.failed]);
    if (next.done) return false;
    this.held = this.held.length === 0 ? next.value : Buffer.concat([this.held, next.value]);
    return true;
  }
}
