/** `gitune release`: where releases stand, `prepare` the next ones, `repair` what was cut off, `rollback` to an earlier version. */
import { type Device, findRepoRoot, GituneError } from "@gitune/core";
import { Argument } from "commander";
import { HubBases } from "../hub-base/hub-bases.js";
import { openStore } from "../open-store.js";
import { deviceOption, threadsOption, timeLimitOption } from "../options.js";
import type { PreparedReleases } from "../prepare/prepare-releases.js";
import type { ReleaseState, ReleaseStatus } from "../publish/release-state.js";
import { resolveBase } from "../refresh/start-state.js";
import { textTable } from "../terminal/table.js";
import { withinLimit } from "../time-limit.js";
import type { Context, Outcome, Verb } from "../verb.js";

interface Options {
  readonly evaluate?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  readonly timeLimit?: number;
}

const ACTIONS = ["status", "prepare", "repair", "rollback"] as const;

/** Prompts of the first suite that a repaired release is tried with, as in `publish`. */
const PROMPTS = 3;

export const release: Verb = {
  configure: (command) =>
    command
      .addArgument(new Argument("<action>", "what to do").choices(ACTIONS))
      .argument("[project...]", "names, all projects without any; for rollback one <project>@<version>")
      .option("--evaluate", "for prepare: train and evaluate what the store lacks, so that changelogs have the scores")
      .addOption(deviceOption())
      .addOption(threadsOption())
      .addOption(timeLimitOption()),
  examples: [
    ["gitune release status", "every release of every project, in git and on the Hub"],
    ["gitune release prepare", "next versions and changelogs of what changed, on the branch gitune/release"],
    ["gitune release repair support-tickets", "publish what was cut off or never published"],
    ["gitune release rollback support-tickets@1.2.0", "main on the Hub serves 1.2.0 again"],
  ],
  exitCodes: {
    0: "every release is where it belongs",
    1: "a release needs a hand, or the gate says no to one that was to be repaired",
    2: "a project, a version or the call is wrong",
    3: "the Hub, the network or this machine failed",
  },
  run: async (context, command) => {
    const [action, ...rest] = command.args;
    const options = command.opts<Options>();
    if (action === "prepare") return prepare(rest, options, context);
    if (action === "rollback") return rollback(rest, context);
    if (action === "repair") return repair(rest, options, context);
    return status(rest, context);
  },
};

async function status(names: readonly string[], context: Context): Promise<Outcome> {
  const { releaseStatus } = await import("../publish/run-release.js");
  const projects = await releaseStatus(names, context);
  const rows = projects.flatMap(({ releases, hub }) =>
    releases.map((one) => [one.tag.name, one.status, hub, one.isServed ? "main" : "", ADVICE[one.status]]),
  );
  const isFine = projects.every(({ releases }) => releases.every(needsNothing));
  const header = ["release", "status", "Hub", "served by", ""];
  return {
    exitCode: isFine ? 0 : 1,
    text: rows.length > 0 ? textTable(header, rows, { colors: context.colors }) : "There are no releases yet.",
    document: {
      version: 1,
      ok: isFine,
      projects: projects.map(({ project, hub, releases }) => ({
        project,
        hub,
        releases: releases.map(({ tag, status: is, commit, hubCommit, adapterSha256, isServed }) => ({
          tag: tag.name,
          status: is,
          commit,
          hub_commit: hubCommit,
          adapter_sha256: adapterSha256,
          served: isServed,
        })),
      })),
    },
  };
}

const ADVICE: Readonly<Record<ReleaseStatus, string>> = {
  published: "",
  superseded: "a newer version is published; this one stays out",
  "cut-off": "gitune release repair",
  missing: "gitune release repair",
  moved: "git's tag was moved after it was published: put it back, and bump the version",
  damaged: "someone changed it on the Hub: publish a new version",
  orphan: "its tag is not in this clone: git fetch --tags",
};

function needsNothing({ status: is }: ReleaseState): boolean {
  return is === "published" || is === "superseded";
}

const PREPARED: Readonly<Record<PreparedReleases["status"], string>> = {
  unchanged: "Nothing changed since the last releases, or the versions say so already.",
  pending: "The branch has these versions already:",
  prepared: "Prepared:",
  held: "The branch has commits of people, so it was left as it is:",
};

async function prepare(names: readonly string[], options: Options, context: Context): Promise<Outcome> {
  const { prepareReleases } = await import("../prepare/prepare-releases.js");
  const { evalDiff } = await import("../prepare/eval-diff.js");
  const root = findRepoRoot(context.cwd);
  const { onProgress, signal } = context;
  const { evaluate = false, timeLimit, ...machine } = options;
  const [store, bases] = [await openStore(root, context), new HubBases(context)];
  const common = { root, store, bases, compute: evaluate, onProgress, ...machine };
  const startedMs = Date.now();
  const {
    status: is,
    branch,
    commit,
    versions,
  } = await prepareReleases(root, await resolveBase(root, undefined), names, async (project, released, base) => {
    try {
      const work = (signal: AbortSignal) => evalDiff({ ...common, project, released, base, signal });
      return await withinLimit(timeLimit, signal, work, startedMs);
    } catch (error) {
      if (!(error instanceof GituneError) || signal.aborted) throw error;
      // A version that cannot be evaluated here can still be proposed; its gate judges it at the tag.
      context.note(`${project} was not evaluated: ${error.message}`);
      return [];
    }
  });
  const lines = versions.map(({ project, from, to, kind }) => `  ${project}: ${from} -> ${to} (${kind})`);
  const where = commit === null ? [] : [`Branch: ${branch} at ${commit.slice(0, 12)}`];
  return {
    exitCode: 0,
    text: [PREPARED[is], ...lines, ...where].join("\n"),
    document: { version: 1, status: is, branch, commit, versions },
  };
}

async function repair(names: readonly string[], options: Options, context: Context): Promise<Outcome> {
  const { repairReleases } = await import("../publish/run-release.js");
  const { timeLimit, ...machine } = options;
  const done = await withinLimit(timeLimit, context.signal, (signal) =>
    repairReleases(names, { prompts: PROMPTS, ...machine }, { ...context, signal }),
  );
  const after = await status(names, context);
  const lines = done.map(({ tag, status: is }) => `${tag}: ${is === "published" ? "published" : "was there"}`);
  return {
    exitCode: after.exitCode,
    text: [...(lines.length > 0 ? lines : ["There was nothing to repair."]), "", after.text].join("\n"),
    document: { ...(after.document as object), repaired: done },
  };
}

async function rollback(args: readonly string[], context: Context): Promise<Outcome> {
  const [typed, ...rest] = args;
  if (typed === undefined || rest.length > 0) {
    const message = "rollback takes one <project>@<version>";
    throw new GituneError({ code: "cli.usage", severity: "error", message, fix: "see gitune release --help" });
  }
  const { rollBackRelease } = await import("../publish/run-release.js");
  const done = await rollBackRelease(typed, context);
  const out = done.withdrawn.length > 0 ? `; withdrawn: ${done.withdrawn.join(", ")}` : "";
  const said = done.changed ? "serves" : "served already";
  return {
    exitCode: 0,
    text: `main of ${done.hub} ${said} ${done.tag}${out}`,
    document: {
      version: 1,
      tag: done.tag,
      hub: done.hub,
      commit: done.commit,
      withdrawn: done.withdrawn,
      changed: done.changed,
    },
  };
}
