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
  [/\/code-scanning\//, ["security-events"]],
  [/\/statuses\//, ["statuses"]],
  [/\/attestations(\/|$)/, ["attestations"]],
  [/\/(git|contents|releases|dispatches|merges)(\/|$)/, ["contents"]],
];

/** What a reading request needs: what a public repository shows to everybody needs nothing. */
const NEEDED_TO_READ: readonly (readonly [path: RegExp, scope: string])[] = [[/\/actions\/runs\//, "actions"]];

/** @returns null when the request is allowed, else the status and message that GitHub answers */
export function refusal(
  token: Token | undefined,
  method: string,
  path: string,
): { readonly status: 401 | 403; readonly message: string } | null {
  if (!token) return { status: 401, message: "Bad credentials" };
  if (token.permissions === "all") return null;
  const permissions = token.permissions;
  if (method === "GET" || method === "HEAD") {
    const scope = NEEDED_TO_READ.find(([pattern]) => pattern.test(path))?.[1];
    if (scope === undefined || ["read", "write"].includes(permissions[scope] ?? "none")) return null;
  } else {
    const scopes = NEEDED.find(([pattern]) => pattern.test(path))?.[1] ?? [];
    if (scopes.some((scope) => permissions[scope] === "write")) return null;
  }
  return { status: 403, message: "Resource not accessible by integration" };
}
