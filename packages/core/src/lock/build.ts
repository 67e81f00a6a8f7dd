/** `gitune.lock.json` (contracts.md §6): what an adapter was made from. */
import type { Project, TrainConfig } from "../config/config.js";
import { VALIDATION_SPLIT } from "../config/validation-split.js";
import { listSplit } from "../dataset/files.js";
import { canonicalJson, hashFile, sha256Hex } from "../hash.js";
import { nativePath } from "../io/paths.js";

/** The lock's name inside an adapter's folder. */
export const LOCK_FILE = "gitune.lock.json";

/** What whoever trains adds to what core can hash. All hashes are sha256 in hex. */
export interface LockParts {
  readonly base: { readonly id: string; readonly revision: string | null; readonly sha256: string };
  /** Of the chat template; null where the base has none. */
  readonly template_sha256: string | null;
  /** gitune, node, onnxruntime … */
  readonly versions: Readonly<Record<string, string>>;
  /** The device class that was used, not the one that was asked for. */
  readonly device: string;
}

export interface Lock extends LockParts {
  readonly version: 1;
  readonly project: string;
  readonly project_version: string;
  /** Of the resolved `data` and `train` parts of the config. */
  readonly config_sha256: string;
  /**
   * The files of the train split, and of the validation split where its losses decide which state is kept; each sorted,
   * paths relative to the repository's root.
   */
  readonly rows: readonly { readonly file: string; readonly sha256: string }[];
  readonly seed: number;
}

/** Hashes what a project trains on. @throws {GituneError} where a file of a split is not there */
export async function buildLock(project: Project, parts: LockParts): Promise<Lock> {
  const { config, root } = project;
  const rows = [];
  for (const split of decidingSplits(config.train)) {
    const { files } = await listSplit(project, split);
    for (const file of files) rows.push({ file, sha256: await hashFile(nativePath(root, file)) });
  }
  return {
    version: 1,
    project: config.name,
    project_version: config.version,
    config_sha256: sha256Hex(canonicalJson({ data: config.data, train: config.train })),
    rows,
    base: parts.base,
    template_sha256: parts.template_sha256,
    versions: parts.versions,
    seed: config.train.seed,
    device: parts.device,
  };
}

/** Validation rows that are only looked at change no byte of the adapter. */
function decidingSplits({ earlyStopping, loadBestModelAtEnd }: TrainConfig): readonly string[] {
  return earlyStopping !== null || loadBestModelAtEnd ? ["train", VALIDATION_SPLIT] : ["train"];
}
