/**
 * Artifacts of the run, by the requests of GitHub's own client: announced, sent to a blob store, finished; listed and
 * deleted by name. Why not the client itself: docs/adr/0006-artifact-client.md
 * @see https://github.com/actions/toolkit/tree/main/packages/artifact version 4 of the protocol
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import type { ArtifactStore } from "./heart.js";
import { zipStored } from "./zip.js";

const SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService";
const VERSION = 4;
/** They are for a re-run, and gone by themselves should nothing else remove them. */
const RETENTION_MS = 24 * 3600_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** At 10 MB/s the largest takes two minutes. */
const UPLOAD_TIMEOUT_MS = 600_000;
/** It is held in memory beside the training. Larger checkpoints are for a disk that outlives the job. */
const MAX_ARTIFACT_BYTES = 2 ** 30;

/** @param access the job's own: `ACTIONS_RUNTIME_TOKEN` and `ACTIONS_RESULTS_URL` */
export function artifactClient(access: { readonly token: string; readonly resultsUrl: string }): ArtifactStore {
  const { token, resultsUrl } = access;
  const job = jobOf(token);
  const call = async (method: string, asked: object): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(new URL(`${SERVICE}/${method}`, resultsUrl), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ ...job, ...asked }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`${method} of an artifact: GitHub answered ${response.status}`);
    const answer = (await response.json()) as Readonly<Record<string, unknown>>;
    if (answer["ok"] === false) throw new Error(`${method} of an artifact: GitHub refused`);
    return answer;
  };
  return {
    async upload(name, files, root) {
      const zip = zipStored(await readFiles(files, root));
      const expires_at = new Date(Date.now() + RETENTION_MS).toISOString();
      const { signed_upload_url: url } = await call("CreateArtifact", { name, version: VERSION, expires_at });
      const response = await fetch(String(url), {
        method: "PUT",
        headers: { "content-type": "application/zip", "x-ms-blob-type": "BlockBlob" },
        body: zip,
        signal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS),
      });
      // Its address is a secret: whoever has it may write there.
      if (!response.ok) throw new Error(`upload of an artifact: the blob store answered ${response.status}`);
      const hash = `sha256:${createHash("sha256").update(zip).digest("hex")}`;
      await call("FinalizeArtifact", { name, size: String(zip.length), hash });
    },
    async remove(name) {
      const { artifacts } = await call("ListArtifacts", { name_filter: name });
      // One of an earlier attempt of the run is another job's.
      for (const found of Array.isArray(artifacts) ? (artifacts as readonly Readonly<Record<string, unknown>>[]) : []) {
        const { workflow_run_backend_id, workflow_job_run_backend_id } = found;
        await call("DeleteArtifact", { workflow_run_backend_id, workflow_job_run_backend_id, name });
      }
    },
  };
}

async function readFiles(files: readonly string[], root: string) {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (sizeBytes > MAX_ARTIFACT_BYTES) {
    throw new Error(`a checkpoint of ${sizeBytes} bytes is too large to be sent: keep the store on a disk of its own`);
  }
  return Promise.all(
    files.map(async (file) => ({ name: relative(root, file).split(sep).join("/"), data: await readFile(file) })),
  );
}

/** The ids that the service knows run and job by are in the token: `Actions.Results:<run>:<job>`. */
function jobOf(token: string): object {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { scp?: unknown };
  const scope = /(?:^| )Actions\.Results:([\w-]+):([\w-]+)(?: |$)/.exec(String(claims.scp));
  if (!scope) throw new Error("the token for artifacts names no run");
  return { workflow_run_backend_id: scope[1], workflow_job_run_backend_id: scope[2] };
}
