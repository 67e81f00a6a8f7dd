/** Real git repositories behind the stand-in: git's own server, with the token's rights before it. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Token } from "./tokens.js";
import type { Answer } from "./upstream.js";

export interface GitRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const GIT_PATH = /^\/([^/]+\/[^/]+)\.git\//;

export class GitBackend {
  readonly #root = mkdtempSync(join(tmpdir(), "gitune-remotes-"));

  /** Makes it where it is not there. @param repository `owner/name` @returns its folder, bare */
  folder(repository: string): string {
    const dir = join(this.#root, `${repository}.git`);
    if (existsSync(dir)) return dir;
    mkdirSync(dir, { recursive: true });
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", dir]);
    return dir;
  }

  isMeant(path: string): boolean {
    return GIT_PATH.test(path);
  }

  /** @param tokenOf by its text; a git client sends it as a password */
  async answer(request: GitRequest, tokenOf: (secret: string) => Token | undefined): Promise<Answer> {
    const { method, path, query, headers, body } = request;
    const basic = /^basic (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
    const token = tokenOf(Buffer.from(basic, "base64").toString("utf8").split(":")[1] ?? "");
    if (!token) return plain(401, "Bad credentials", { "www-authenticate": 'Basic realm="GitHub"' });
    const isPush = path.endsWith("/git-receive-pack") || query.includes("service=git-receive-pack");
    const mayPush = token.permissions === "all" || token.permissions["contents"] === "write";
    if (isPush && !mayPush) return plain(403, `Permission to ${path} denied to ${token.login}.`);
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: "1",
        REQUEST_METHOD: method,
        PATH_INFO: path,
        QUERY_STRING: query,
        CONTENT_TYPE: headers["content-type"] ?? "",
        CONTENT_LENGTH: String(body.length),
        HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
        REMOTE_USER: token.login,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(body);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    return fromCgi(Buffer.concat(chunks));
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { "content-type": "text/plain", ...headers }, body: Buffer.from(text) };
}

/** RFC 3875: header lines, a blank one, the body; the status is a header. */
function fromCgi(output: Buffer): Answer {
  const end = output.indexOf("\r\n\r\n");
  const headers: Record<string, string> = {};
  for (const line of output.subarray(0, end).toString("latin1").split("\r\n")) {
    const at = line.indexOf(":");
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  const { status = "200", ...others } = headers;
  return { status: Number.parseInt(status, 10), headers: others, body: output.subarray(end + 4) };
}
