/**
 * Releases as GitHub keeps them. A draft has no tag yet: it is asked for by its id or found in the list, by who may push
 * alone, and any number of drafts may name one tag. emulate finds drafts by their tag, shows them to everybody, and takes
 * one release a tag, draft or not; so a draft is kept under a tag of its own, as GitHub's pages do too, and gets its name
 * when it is published.
 * @see https://docs.github.com/en/rest/releases/releases and https://github.com/github/developer.github.com/pull/784
 */
import { randomBytes } from "node:crypto";
import { paged, type Request } from "./mends.js";
import type { Token } from "./tokens.js";
import { type Answer, jsonAnswer, type Upstream } from "./upstream.js";

/** In characters, of a release's notes. */
const MAX_NOTES_CHARS = 125_000;
const PATH = /^(\/repos\/([^/]+)\/[^/]+\/releases)(?:\/(\d+))?$/;

interface ApiRelease {
  readonly id: number;
  readonly draft: boolean;
  tag_name: string;
}

export class Releases {
  /** Tag that a draft is kept under -> the one that it names. */
  readonly #names = new Map<string, string>();

  /** @returns undefined for a request of something else, and where emulate is right */
  async answer(request: Request, token: Token, upstream: Upstream): Promise<Answer | undefined> {
    const [, list = "", owner = "", id] = PATH.exec(request.path) ?? [];
    if (list === "") return undefined;
    const isWriting = request.method === "POST" || request.method === "PATCH";
    if (isWriting) return this.#write(request, upstream);
    if (request.method !== "GET") return undefined;
    const isPusher = mayPush(token, owner);
    if (id === undefined) {
      const all = (await this.#all(list, upstream)).filter(({ draft }) => isPusher || !draft);
      return paged(all, request);
    }
    const answer = this.#named(await upstream.send("GET", request.path));
    return isPusher || !read(answer).draft ? answer : jsonAnswer(404, { message: "Not Found" });
  }

  async #write({ method, path, json = {} }: Request, upstream: Upstream): Promise<Answer> {
    if (typeof json["body"] === "string" && json["body"].length > MAX_NOTES_CHARS) {
      return invalid({
        code: "custom",
        field: "body",
        message: `body is too long (maximum is ${MAX_NOTES_CHARS} characters)`,
      });
    }
    const before = method === "PATCH" ? read(await upstream.send("GET", path)) : undefined;
    const isDraft = json["draft"] ?? before?.draft ?? false;
    const name = json["tag_name"] ?? this.#names.get(before?.tag_name ?? "") ?? before?.tag_name;
    let tag = name;
    if (isDraft === true) {
      tag = before?.draft === true ? before.tag_name : `untagged-${randomBytes(10).toString("hex")}`;
      this.#names.set(String(tag), String(name));
    }
    const body = Buffer.from(JSON.stringify({ ...json, tag_name: tag }));
    const answer = await upstream.send(method, path, body);
    // emulate's only reason, without saying so: a published release has the tag.
    return answer.status === 422 ? invalid({ code: "already_exists", field: "tag_name" }) : this.#named(answer);
  }

  async #all(list: string, upstream: Upstream): Promise<readonly ApiRelease[]> {
    const all: ApiRelease[] = [];
    for (let page = 1; ; page += 1) {
      const { json } = await upstream.get(`${list}?per_page=100&page=${page}`);
      if (!Array.isArray(json) || json.length === 0) return all;
      for (const release of json as ApiRelease[]) all.push(this.#withName(release));
    }
  }

  #named(answer: Answer): Answer {
    return answer.status >= 300 ? answer : jsonAnswer(answer.status, this.#withName(read(answer)));
  }

  #withName(release: ApiRelease): ApiRelease {
    return release.draft ? { ...release, tag_name: this.#names.get(release.tag_name) ?? release.tag_name } : release;
  }
}

/** An owner may, and a workflow that may write contents. @see https://github.com/cli/cli/issues/3037 */
function mayPush({ login, permissions }: Token, owner: string): boolean {
  return permissions === "all" ? login === owner : permissions["contents"] === "write";
}

function read({ body }: Answer): ApiRelease {
  return JSON.parse(body.toString("utf8")) as ApiRelease;
}

function invalid(error: Readonly<Record<string, string>>): Answer {
  return jsonAnswer(422, { message: "Validation Failed", errors: [{ resource: "Release", ...error }] });
}
