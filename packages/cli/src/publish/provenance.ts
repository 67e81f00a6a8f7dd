/**
 * Where an adapter's bytes come from, as an in-toto statement with SLSA's predicate: which commit, base and rows, by hash,
 * and who built it. The workflow that publishes signs its own beside it (`actions/attest`).
 * @see https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
 */
import type { Lock } from "@gitune/core";

/** The file's name, beside the adapter. */
export const PROVENANCE_FILE = "gitune.provenance.json";

export interface ProvenanceFacts {
  readonly tag: string;
  readonly commit: string;
  /** https address of the repository; null where it has none. */
  readonly repository: string | null;
  /** The base as others find it. */
  readonly base: { readonly id: string; readonly revision: string };
  readonly lock: Lock;
  /** sha256 (hex) of the files that the statement is about, by name. */
  readonly subjects: Readonly<Record<string, string>>;
  /** Who ran it: `builderOf`. */
  readonly builder: string;
}

/** @returns the statement; the same facts give the same text */
export function provenanceOf(facts: ProvenanceFacts): object {
  const { tag, commit, repository, base, lock, subjects, builder } = facts;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: Object.entries(subjects).map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://www.npmjs.com/package/gitune#release-v1",
        externalParameters: { tag, project: lock.project, version: lock.project_version },
        internalParameters: {
          config_sha256: lock.config_sha256,
          template_sha256: lock.template_sha256,
          seed: lock.seed,
          device: lock.device,
          versions: lock.versions,
        },
        resolvedDependencies: [
          {
            ...(repository === null ? { name: tag } : { uri: `git+${repository}@refs/tags/${tag}` }),
            digest: { gitCommit: commit },
          },
          {
            uri: `https://huggingface.co/${base.id}/tree/${base.revision}`,
            digest: { sha256: lock.base.sha256, gitCommit: base.revision },
          },
          ...lock.rows.map(({ file, sha256 }) => ({ name: file, digest: { sha256 } })),
        ],
      },
      runDetails: { builder: { id: builder } },
    },
  };
}

/** The workflow that runs us, as GitHub names it; or that it was a person's machine. */
export function builderOf(env: Readonly<Record<string, string | undefined>>): string {
  const [server, workflow] = [env["GITHUB_SERVER_URL"], env["GITHUB_WORKFLOW_REF"]];
  return server && workflow ? `${server}/${workflow}` : "https://www.npmjs.com/package/gitune#local";
}

/** What is needed of a published statement to know which release it is of. */
export interface StatedRelease {
  readonly tag: string;
  readonly commit: string;
  readonly adapterSha256: string;
}

/** @returns null for a text that is no statement of ours; it may come from anywhere */
export function readProvenance(text: string): StatedRelease | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const at = (from: unknown, ...path: readonly (string | number)[]): unknown =>
    path.reduce<unknown>(
      (found, key) =>
        typeof found === "object" && found !== null ? (found as Readonly<Record<string, unknown>>)[key] : undefined,
      from,
    );
  const tag = at(value, "predicate", "buildDefinition", "externalParameters", "tag");
  const commit = at(value, "predicate", "buildDefinition", "resolvedDependencies", 0, "digest", "gitCommit");
  const subjects = at(value, "subject");
  const subject = (Array.isArray(subjects) ? subjects : []).find(
    (one: unknown) => at(one, "name") === "adapter_model.safetensors",
  );
  const sha256 = at(subject, "digest", "sha256");
  if (typeof tag !== "string" || typeof commit !== "string" || typeof sha256 !== "string") return null;
  return { tag, commit, adapterSha256: sha256 };
}
