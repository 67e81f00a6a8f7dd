/** `gitune publish`: a release's adapter, card and tag to the Hugging Face Hub. */
import type { Device } from "@gitune/core";
import { deviceOption, positiveInteger, threadsOption, timeLimitOption } from "../options.js";
import { issueColors } from "../terminal/issue-colors.js";
import { counted } from "../terminal/table.js";
import { withinLimit } from "../time-limit.js";
import type { Context, Outcome, Verb } from "../verb.js";

interface Options {
  readonly dryRun?: boolean;
  readonly stored?: boolean;
  readonly prompts: number;
  readonly device?: Device;
  readonly threads?: number;
  readonly timeLimit?: number;
}

export const publish: Verb = {
  configure: (command) =>
    command
      .argument("[release]", "<project>@<version>, or a project, whose version in gitune.yaml is meant")
      .option("--dry-run", "write the files, say what would change on the Hub, and change nothing there")
      .option("--stored", "publish only what the store has a verdict on; train nothing here")
      .option("--prompts <n>", "of the first suite, to try what came back from the Hub with", positiveInteger, 3)
      .addOption(deviceOption())
      .addOption(threadsOption())
      .addOption(timeLimitOption()),
  examples: [
    ["gitune publish support-tickets --dry-run", "before the tag: the card, and what would change"],
    ["gitune publish support-tickets@1.3.0", "after git tag support-tickets@1.3.0; or again, where it was cut off"],
  ],
  exitCodes: {
    0: "the release is on the Hub, checked and tagged",
    1: "a check or the gate says no, so nothing was published",
    2: "the tag, the config or the version cannot be released",
    3: "the Hub, the network or this machine failed, or the time was up: run it again, it goes on where it stopped",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const { runPublish } = await import("../publish/run-publish.js");
    const done = await withinLimit(options.timeLimit, context.signal, (signal) =>
      runPublish(command.args[0], { ...options, dryRun: options.dryRun === true }, { ...context, signal }),
    );
    return { exitCode: 0, text: await textOf(done, context), document: done };
  },
};

type Done = Awaited<ReturnType<typeof import("../publish/run-publish.js").runPublish>>;

async function textOf(done: Done, { colors }: Context): Promise<Outcome["text"]> {
  const { renderIssues } = await import("@gitune/core");
  const lines = [
    `${colors.bold(done.tag)}  ${SAID[done.status]}`,
    `  gate        ${done.verdict}${done.compared_with === null ? ", against the base alone" : `, against ${done.compared_with}`}`,
    `  adapter     ${done.adapter.sha256}`,
    `  files       ${done.adapter.path}`,
    `  report      ${done.report}`,
    `  Hub         ${done.hub.url}${done.hub.commit === null ? "" : ` at ${done.hub.commit}`}`,
    ...(done.plan?.files ?? []).map(({ path, change }) => `    ${change.padEnd(7)} ${path}`),
    ...(done.plan?.repository === "create" ? ["    the repository would be made"] : []),
    ...(done.status === "published"
      ? [
          `  checked     ${counted(done.files.length, "file")} downloaded again, ${counted(done.prompts, "prompt")} answered alike`,
        ]
      : []),
  ];
  const notes = done.issues.length > 0 ? [renderIssues(done.issues, "text", { color: issueColors(colors) })] : [];
  return [lines.join("\n"), ...notes].join("\n\n");
}

const SAID: Readonly<Record<Done["status"], string>> = {
  published: "is published",
  already: "was published before; nothing was changed",
  "dry-run": "would be published",
};
