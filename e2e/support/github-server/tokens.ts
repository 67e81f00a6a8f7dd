/** Who a token is and what it may do: what emulate does not check. */

export type Access = "read" | "write" | "none";
/** Scopes of a workflow's `permissions:`; one that is missing is "none". */
export type Permissions = Readonly<Record<string, Access>>;

export interface Token {
  readonly login: string;
  /** `all` is a person's token. */
  readonly permissions: Permissions | "all";
}

/** What a changing request needs, first match wins; any of the scopes is enough. */
const NEEDED: readonly (readonly [path: RegExp, scopes: readonly string[]])[] = [
  [/\/issues\/(\d+\/)?comments/, ["pull-requests", "issues"]],
  [/\/pulls(\/|$)/, ["pull-requests"]],
  [/\/issues(\/|$)/, ["issues"]],
  [/\/check-(runs|suites)/, ["checks"]],
  [/\/statuses\//, ["statuses"]],
  [/\/(git|contents|releases|dispatches|merges)(\/|$)/, ["contents"]],
];

/** @returns null when the request is allowed, else the status and message that GitHub answers */
export function refusal(
  token: Token | undefined,
  method: string,
  path: string,
): { readonly status: 401 | 403; readonly message: string } | null {
  if (!token) return { status: 401, message: "Bad credentials" };
  if (token.permissions === "all" || method === "GET" || method === "HEAD") return null;
  const scopes = NEEDED.find(([pattern]) => pattern.test(path))?.[1] ?? [];
  const permissions = token.permissions;
  if (scopes.some((scope) => permissions[scope] === "write")) return null;
  return { status: 403, message: "Resource not accessible by integration" };
}
