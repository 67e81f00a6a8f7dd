/** Whether what is on the Hub is what was sent. */
import { GituneError } from "@gitune/core";
import type { HubFile } from "./hub-repository.js";
import { RECORD_FILES, type ReleaseFile } from "./release-files.js";

/** Whether a commit has exactly this release, but for the records of the run that made it. */
export function hasRelease(files: readonly ReleaseFile[], there: readonly HubFile[]): boolean {
  const found = new Map(there.map((file) => [file.path, file]));
  return files.every((file) => {
    const other = found.get(file.path);
    return other !== undefined && (RECORD_FILES.has(file.path) || isSame(file, other));
  });
}

export function isSame(file: ReleaseFile, there: HubFile): boolean {
  return there.sha256 === null ? there.blob === file.blob : there.sha256 === file.sha256;
}

/** What came back differs: nothing is tagged then. */
export function notTheSame(what: string, expected: string, found: string): GituneError {
  return new GituneError(
    {
      code: "publish.verify",
      severity: "error",
      message: `${what} is not what was sent, so the version was not tagged`,
      expected,
      found,
      fix: "publish again; where it stays, gitune release rollback <project>@<version> makes main serve an earlier version",
    },
    { exitCode: 3 },
  );
}
