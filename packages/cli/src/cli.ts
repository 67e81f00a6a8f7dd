/** From arguments to an exit code: finds the verb, loads only that one, prints its outcome or its failure. */
import { GituneError, type OnProgress, printableJson, renderIssues } from "@gitune/core";
import { Command, CommanderError } from "commander";
import type { Colors } from "picocolors/types.js";
import { describeFailure, type Failure } from "./failure.js";
import { issueColors } from "./terminal/issue-colors.js";
import { lineProgress, type ProgressDisplay, SILENT_PROGRESS } from "./terminal/progress.js";
import { colorsFor, tolerateClosedPipe } from "./terminal/streams.js";
import type { Context, ExitCode, Verb } from "./verb.js";
import { isVerbName, VERBS, type VerbName } from "./verbs.js";
import { readVersion } from "./version.js";

/** What a verb may be given from the process, so that a test or another program can stand in for it. */
export interface World {
  readonly cwd: string;
  readonly env: Context["env"];
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Runs the CLI in this process: signals, closed pipes and stray exceptions all end in a contracted exit code. */
export async function runProcess(args: readonly string[]): Promise<void> {
  tolerateClosedPipe(process.stdout);
  tolerateClosedPipe(process.stderr);
  const abort = new AbortController();
  const stop = () => {
    // A second Ctrl-C is from someone who will not wait for the clean stop.
    if (abort.signal.aborted) process.exit(3);
    abort.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const crash = (error: unknown) => {
    const failure = describeFailure(error, { debug: isDebug(process.env), aborted: abort.signal.aborted });
    process.stderr.write(failureText(failure, colorsFor(process.stderr, process.env)));
    process.exit(failure.exitCode);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);

  process.exitCode = await runCli(args, {
    cwd: process.cwd(),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: abort.signal,
  });
}

/**
 * Runs one call and prints its answer.
 * @returns the exit code of contracts.md §2; never throws
 */
export async function runCli(args: readonly string[], world: World): Promise<ExitCode> {
  let progress = SILENT_PROGRESS;
  let json = args.includes("--json");
  try {
    const parsed = await parse(args, world);
    if (!parsed) return 0;
    const options = parsed.command.opts<GlobalOptions>();
    json = options.json === true;
    const quiet = options.quiet === true;
    progress = quiet ? SILENT_PROGRESS : await progressFor(world);
    const context: Context = {
      cwd: world.cwd,
      env: world.env,
      signal: world.signal,
      colors: colorsFor(world.stdout, world.env),
      onProgress: forwardTo(progress),
      note: (line) => {
        if (!quiet) world.stderr.write(`${line}\n`);
      },
    };
    const outcome = await parsed.verb.run(context, parsed.command);
    progress.stop();
    world.stdout.write(json ? `${printableJson(outcome.document)}\n` : endLine(outcome.text));
    return outcome.exitCode;
  } catch (error) {
    progress.stop();
    const failure = describeFailure(error, { debug: isDebug(world.env), aborted: world.signal.aborted });
    if (json) {
      world.stdout.write(`${printableJson({ version: 1, ok: false, issues: failure.issues })}\n`);
      if (failure.stack) world.stderr.write(`${failure.stack}\n`);
    } else {
      world.stderr.write(failureText(failure, colorsFor(world.stderr, world.env)));
    }
    return failure.exitCode;
  }
}

/** @returns undefined where commander has answered already (help, version) */
async function parse(
  args: readonly string[],
  world: World,
): Promise<{ readonly verb: Verb; readonly command: Command } | undefined> {
  const asked = args[0] === "help" ? args[1] : args[0];
  const name: VerbName | undefined = asked !== undefined && isVerbName(asked) ? asked : undefined;
  const verb = name && (await VERBS[name].load());
  let problem = "";
  let chosen: Command | undefined;

  const program = new Command("gitune")
    .description("Fine-tuning as code: a change to a dataset becomes a trained, evaluated and gated adapter.")
    .version(readVersion(), "-V, --version")
    .usage("<verb> [project ...] [options]")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => {
        problem += text;
      },
    })
    .addHelpText("after", OVERVIEW_HELP);
  for (const [verbName, entry] of Object.entries(VERBS)) {
    const command = program.command(verbName).description(entry.summary);
    if (!verb || verbName !== name) continue;
    verb.configure(command);
    command
      .option("--json", "one JSON document on stdout, everything else on stderr")
      .option("-q, --quiet", "no progress and no notes, only the answer")
      .addHelpText("after", verbHelp(verb))
      .action(() => {
        chosen = command;
      });
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw usageError(problem, name);
  }
  return verb && chosen ? { verb, command: chosen } : undefined;
}

/** Commander's text as an issue: its "(Did you mean …?)" is the fix. */
function usageError(problem: string, verb: string | undefined): GituneError {
  const help = verb ? `gitune ${verb} --help` : "gitune --help";
  if (!problem.startsWith("error: ")) {
    return new GituneError({
      code: "cli.usage",
      severity: "error",
      message: "no verb given",
      expected: `one of ${Object.keys(VERBS).join(", ")}`,
      fix: `see ${help}`,
    });
  }
  const [message = "", ...rest] = problem.slice("error: ".length).trim().split("\n");
  const hint = rest.join(" ").match(/\(Did you mean (.*)\?\)/s)?.[1];
  return new GituneError({
    code: "cli.usage",
    severity: "error",
    message,
    fix: hint ? `did you mean ${hint}? See ${help}` : `see ${help}`,
  });
}

const OVERVIEW_HELP = `
Start here:
  gitune init              projects and workflows for the rows that are here, or an example
  gitune doctor            what this machine can run
  gitune validate          check every project below datasets/
  gitune run               what a pull request with your changes would get

Every verb teaches: gitune <verb> --help
Exit codes: 0 fine, 1 a check or the gate says no, 2 bad input, config or usage, 3 machine, network or internal failure`;

function verbHelp(verb: Verb): string {
  const examples = verb.examples.map(([call, purpose]) => `  $ ${call}\n      ${purpose}`);
  const codes = Object.entries(verb.exitCodes).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return `\nExamples:\n${examples.join("\n")}\n\nExit codes:\n${codes.join("\n")}`;
}

async function progressFor(world: World): Promise<ProgressDisplay> {
  if (world.stderr.isTTY && world.env["TERM"] !== "dumb") {
    const { barProgress } = await import("./terminal/bar.js");
    return barProgress(world.stderr);
  }
  return lineProgress((line) => world.stderr.write(`${line}\n`));
}

function forwardTo(progress: ProgressDisplay): OnProgress {
  return (event) => progress.onProgress(event);
}

function isDebug(env: Context["env"]): boolean {
  return (env["GITUNE_DEBUG"] ?? "") !== "";
}

function failureText(failure: Failure, colors: Colors): string {
  const issues = renderIssues(failure.issues, "text", { color: issueColors(colors) });
  return endLine(issues) + (failure.stack ? endLine(failure.stack) : "");
}

function endLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
