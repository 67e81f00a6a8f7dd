/**
 * Check runs as GitHub keeps them. emulate's replace annotations where GitHub appends, drop their titles, know no
 * limit, and are found for its own commits only.
 */
import { paged, type Request } from "./mends.js";
import { type Answer, jsonAnswer } from "./upstream.js";

export interface CheckRun {
  readonly id: number;
  readonly name: string;
  readonly headSha: string;
  readonly externalId: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly title: string | null;
  readonly summary: string | null;
  readonly annotations: readonly Readonly<Record<string, unknown>>[];
}

/** @see https://docs.github.com/en/rest/checks/runs */
const MAX_ANNOTATIONS = 50;
const MAX_TEXT_CHARS = 65_535;
const LEVELS = ["notice", "warning", "failure"];
const CONCLUSIONS = ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];

interface Output {
  readonly title?: string;
  readonly summary?: string;
  readonly text?: string;
  readonly annotations?: readonly Readonly<Record<string, unknown>>[];
}

export class CheckRuns {
  readonly #runs: CheckRun[] = [];

  get all(): readonly CheckRun[] {
    return this.#runs;
  }

  clear(): void {
    this.#runs.length = 0;
  }

  /** @returns undefined for a request of something else */
  answer(request: Request): Answer | undefined {
    const { method, path, json = {} } = request;
    const at = /^\/repos\/[^/]+\/[^/]+\/(?:check-runs(?:\/(\d+)(\/annotations)?)?|commits\/([^/]+)\/check-runs)$/.exec(
      path,
    );
    if (!at) return undefined;
    const [, id, annotations, commit] = at;
    if (commit !== undefined) return this.#list(request, commit);
    if (id === undefined) return method === "POST" ? this.#create(json) : undefined;
    const found = this.#runs.find((run) => run.id === Number(id));
    if (!found) return jsonAnswer(404, { message: "Not Found" });
    if (annotations !== undefined) return paged(found.annotations, request);
    return method === "PATCH" ? this.#update(found, json) : jsonAnswer(200, toApi(found));
  }

  #list(request: Request, commit: string): Answer {
    const name = request.query.get("check_name");
    const found = this.#runs.filter((run) => run.headSha === commit && (name === null || run.name === name));
    const { headers, body } = paged([...found].reverse().map(toApi), request);
    const page: unknown = JSON.parse(body.toString("utf8"));
    return jsonAnswer(200, { total_count: found.length, check_runs: page }, headers);
  }

  #create(json: Readonly<Record<string, unknown>>): Answer {
    const { name, head_sha: headSha, external_id: externalId } = json;
    if (typeof name !== "string" || typeof headSha !== "string") return invalid("name and head_sha are required");
    const empty = { status: "queued", conclusion: null, title: null, summary: null, annotations: [] };
    const run = { ...empty, id: this.#runs.length + 1, name, headSha, externalId: String(externalId ?? "") };
    this.#runs.push(run);
    const answer = this.#update(run, json);
    if (answer.status !== 200) this.#runs.pop();
    return answer.status === 200 ? { ...answer, status: 201 } : answer;
  }

  #update(run: CheckRun, json: Readonly<Record<string, unknown>>): Answer {
    const { status = run.status, conclusion = run.conclusion } = json as Partial<CheckRun>;
    const output = (json["output"] ?? {}) as Output;
    const problem = problemOf(output) ?? (isConclusion(conclusion) ? undefined : "conclusion is not one");
    if (problem !== undefined) return invalid(problem);
    const next: CheckRun = {
      ...run,
      status: conclusion === null ? status : "completed",
      conclusion,
      title: output.title ?? run.title,
      summary: output.summary ?? run.summary,
      annotations: [...run.annotations, ...(output.annotations ?? [])],
    };
    this.#runs[this.#runs.findIndex(({ id }) => id === run.id)] = next;
    return jsonAnswer(200, toApi(next));
  }
}

function problemOf({ title, summary, text, annotations = [] }: Output): string | undefined {
  if (annotations.length > MAX_ANNOTATIONS) {
    return `No more than ${MAX_ANNOTATIONS} items are allowed; ${annotations.length} were supplied.`;
  }
  for (const long of [summary, text]) {
    if ((long?.length ?? 0) > MAX_TEXT_CHARS) return `Only ${MAX_TEXT_CHARS} characters are allowed.`;
  }
  if (annotations.length > 0 && (title === undefined || summary === undefined)) return "title and summary are required";
  for (const { path, start_line: start, end_line: end, annotation_level: level, message } of annotations) {
    const isWhole = typeof path === "string" && path !== "" && typeof message === "string" && message !== "";
    if (!isWhole || !isLine(start) || !isLine(end) || !LEVELS.includes(String(level)))
      return "an annotation is not one";
  }
  return undefined;
}

function isLine(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1;
}

function isConclusion(value: unknown): boolean {
  return value === null || CONCLUSIONS.includes(String(value));
}

function invalid(message: string): Answer {
  return jsonAnswer(422, { message: `Invalid request.\n\n${message}` });
}

function toApi({ id, name, headSha, externalId, status, conclusion, title, summary, annotations }: CheckRun) {
  return {
    id,
    name,
    head_sha: headSha,
    external_id: externalId,
    status,
    conclusion,
    output: { title, summary, text: null, annotations_count: annotations.length },
  };
}
