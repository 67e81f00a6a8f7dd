/** What a job's token may do, from `permissions:` and where the event comes from. */
import type { Access, Permissions } from "../github-server/tokens.js";
import type { Json } from "./expressions.js";

const SCOPES = [
  "actions",
  "attestations",
  "checks",
  "contents",
  "deployments",
  "discussions",
  "id-token",
  "issues",
  "packages",
  "pages",
  "pull-requests",
  "repository-projects",
  "security-events",
  "statuses",
] as const;

/**
 * @param written the job's, else the workflow's; undefined means the restricted default of a repository
 * @param isFork GitHub lowers every "write" to "read" for a pull request from a fork
 */
export function tokenPermissions(written: Json | undefined, isFork: boolean): Permissions {
  const granted = grantedBy(written);
  return isFork ? lowered(granted) : granted;
}

/** Every "write" as "read". */
export function lowered(granted: Permissions): Permissions {
  return Object.fromEntries(
    Object.entries(granted).map(([scope, access]): [string, Access] => [scope, access === "write" ? "read" : access]),
  );
}

const RANK: Readonly<Record<Access, number>> = { none: 0, read: 1, write: 2 };

/**
 * A called workflow may have less than its caller's job, never more: GitHub does not start such a run.
 * @throws {Error} as GitHub refuses it
 */
export function checkNested(job: string, asked: Permissions, caller: Permissions): void {
  for (const [scope, access] of Object.entries(asked)) {
    const allowed = caller[scope] ?? "none";
    if (RANK[access] <= RANK[allowed]) continue;
    throw new Error(
      `The nested job '${job}' is requesting '${scope}: ${access}', but is only allowed '${scope}: ${allowed}'.`,
    );
  }
}

function grantedBy(written: Json | undefined): Permissions {
  if (written === undefined || written === null) return { contents: "read", packages: "read" };
  if (written === "read-all" || written === "write-all") {
    const access: Access = written === "read-all" ? "read" : "write";
    return Object.fromEntries(SCOPES.map((scope) => [scope, access]));
  }
  return written as unknown as Permissions;
}
