/** `gitune generate`: text from a base, with or without an adapter. */
import {
  type Device,
  findRepoRoot,
  type Generation,
  GituneError,
  type Issue,
  type JsonlRow,
  type Message,
  type PromptContent,
  writeJsonl,
} from "@gitune/core";
import type { OpenBaseOptions } from "@gitune/train";
import { type Command, Option } from "commander";
import { HubBases } from "../hub-base/hub-bases.js";
import { isObject, readJsonlFile, shownPath } from "../input-files.js";
import { basePlace } from "../open-base.js";
import {
  deviceOption,
  nonNegative,
  oneMoreText,
  pathFrom,
  positive,
  positiveInteger,
  share,
  threadsOption,
  wholeNumber,
} from "../options.js";
import { usableProject } from "../projects.js";
import { counted } from "../terminal/table.js";
import type { Context, Verb } from "../verb.js";

interface Options {
  readonly base?: string;
  readonly adapter?: string;
  readonly prompt?: string;
  readonly input?: string;
  readonly output?: string;
  readonly raw?: boolean;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly repetitionPenalty: number;
  readonly stop: readonly string[];
  readonly seed: number;
  readonly compute: "f32" | "int8";
  readonly device?: Device;
  readonly threads?: number;
}

interface Prompt {
  readonly id: string;
  readonly content: PromptContent;
}

export const generate: Verb = {
  configure: (command) =>
    command
      .argument("[project]", "takes the project's base and format; not needed with --base")
      .option(
        "--base <model>",
        "a base model's folder or .gguf file, relative to the repository's root, or <Hub id>@<commit>",
      )
      .option("--adapter <folder>", "a PEFT adapter; the bare base without it")
      .option("--prompt <text>", "one prompt")
      .option("--input <file.jsonl>", 'prompts, a line each: {"id"?, "prompt" | "messages"}')
      .option("--output <file.jsonl>", "where to write {id, prediction, …} a line (default: print)")
      .option("--raw", "continue prompts as they are, without the chat template")
      .option("--max-new-tokens <n>", "at most", positiveInteger, 64)
      .option("--temperature <t>", "0 takes the likeliest token each time", nonNegative, 0)
      .option("--top-p <p>", "of the likeliest tokens, those that reach this probability together", share, 1)
      .option("--top-k <k>", "of the likeliest tokens, so many; 0 keeps all", wholeNumber, 0)
      .option("--repetition-penalty <x>", "above 1, what was said before becomes less likely", positive, 1)
      .option("--stop <text>", "ends before this text; may be given several times", oneMoreText, [])
      .option("--seed <n>", "of the sampling", positiveInteger, 42)
      .addOption(
        new Option("--compute <type>", "int8 is faster; its texts are not those of f32, which evaluation measures")
          .choices(["f32", "int8"])
          .default("f32"),
      )
      .addOption(deviceOption())
      .addOption(threadsOption()),
  examples: [
    ['gitune generate --base models/small --prompt "A tool to"', "what the bare base says"],
    [
      'gitune generate --base models/small --prompt "A tool to" --temperature 0.8 --top-p 0.95 --stop "." --seed 7',
      "one sentence, drawn; the same one for the same seed",
    ],
    [
      "gitune generate support-tickets --adapter .gitune/adapters/support-tickets --input prompts.jsonl --output out.jsonl",
      "a prediction for each line; score them with gitune score",
    ],
  ],
  exitCodes: { 0: "generated", 2: "a prompt, the base or the adapter cannot be used", 3: "the machine failed" },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const place = await placeOf(context, command, options);
    const { createGenerator, openBase, weightsCache } = await import("@gitune/train");
    const base = await openBase(place.base);
    const isChat = options.raw !== true && (place.isChat ?? base.tokenizer.template !== null);
    const prompts = await readPrompts(context, options, isChat);
    const generator = await createGenerator({
      base,
      adapter: options.adapter === undefined ? null : pathFrom(context.cwd, options.adapter),
      ...(options.compute === "int8" ? { int8: { cacheDir: weightsCache(place.base.root) } } : {}),
      ...(options.device === undefined ? {} : { device: options.device }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
    try {
      const { maxNewTokens, temperature, topP, topK, repetitionPenalty, stop, seed } = options;
      const generations = await generator.generate(
        prompts.map(({ content }) => content),
        { maxNewTokens, temperature, topP, topK, repetitionPenalty, stop, seed },
        {
          onProgress: (done, total) => context.onProgress({ phase: "generate", done, total, unit: "prompts" }),
          signal: context.signal,
        },
      );
      context.signal.throwIfAborted();
      const rows = prompts.map(({ id }, at) => toRow(id, generations[at]));
      if (options.output !== undefined) await writeJsonl(pathFrom(context.cwd, options.output), rows);
      return {
        exitCode: 0,
        text: textOf(rows, options.output),
        document: { version: 1, base: { id: base.id, revision: base.revision, sha256: base.sha256 }, rows },
      };
    } finally {
      await generator.close();
    }
  },
};

/** Where the base is, and whether the project's prompts are chats; unknown without a project. */
async function placeOf(context: Context, command: Command, options: Options) {
  const bases = new HubBases(context);
  if (options.base !== undefined && command.args[0] === undefined) {
    const place = { root: findRepoRoot(context.cwd), projectDir: "" };
    return { base: await named(options.base, place, bases), isChat: undefined };
  }
  const project = await usableProject(context.cwd, command.args[0]);
  const { config, root, dir } = project;
  const isChat = config.data.format === "messages" || config.data.format === "sharegpt";
  const base =
    options.base === undefined
      ? await basePlace(project, bases, "weights")
      : await named(options.base, { root, projectDir: dir }, bases);
  return { base, isChat };
}

/** A base as it is typed: a place, or `<Hub id>@<commit>`. */
async function named(
  typed: string,
  place: Pick<OpenBaseOptions, "root" | "projectDir">,
  bases: HubBases,
): Promise<OpenBaseOptions> {
  const [, id, revision] = /^([^/@]+\/[^/@]+)@([0-9a-f]{40})$/.exec(typed) ?? [];
  if (id === undefined || revision === undefined) return { ...place, base: typed, revision: null };
  return { ...place, base: id, revision, snapshot: await bases.fetch({ id, revision, about: {} }, "weights") };
}

async function readPrompts(context: Context, options: Options, isChat: boolean): Promise<readonly Prompt[]> {
  if ((options.prompt === undefined) === (options.input === undefined)) {
    const message = "give either --prompt or --input";
    throw new GituneError({ code: "cli.usage", severity: "error", message, fix: "see gitune generate --help" });
  }
  const fromText = (text: string): PromptContent =>
    isChat ? { kind: "messages", messages: [{ role: "user", content: text }] } : { kind: "text", text };
  if (options.prompt !== undefined) return [{ id: "1", content: fromText(options.prompt) }];

  const path = options.input ?? "";
  const file = shownPath(context.cwd, path);
  const issues: Issue[] = [];
  const prompts = (await readJsonlFile(context.cwd, path, context.signal)).flatMap((row): readonly Prompt[] => {
    const content = promptOf(row, fromText);
    if (content) return [{ id: idOf(row), content }];
    issues.push({
      code: "row.required",
      severity: "error",
      file,
      line: row.line,
      message: "the row has no prompt",
      expected: '"prompt" (a text) or "messages" (a list of {role, content})',
    });
    return [];
  });
  if (issues.length > 0) throw new GituneError(issues);
  return prompts;
}

function promptOf({ value }: JsonlRow, fromText: (text: string) => PromptContent): PromptContent | undefined {
  if (!isObject(value)) return undefined;
  const { prompt, messages } = value as { readonly prompt?: unknown; readonly messages?: unknown };
  if (typeof prompt === "string" && prompt !== "") return fromText(prompt);
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const isMessage = (turn: unknown) =>
    isObject(turn) && typeof turn["role"] === "string" && typeof turn["content"] === "string";
  return messages.every(isMessage) ? { kind: "messages", messages: messages as readonly Message[] } : undefined;
}

function idOf({ value, line }: JsonlRow): string {
  const id = isObject(value) ? value["id"] : undefined;
  return typeof id === "string" || typeof id === "number" ? String(id) : String(line);
}

function toRow(id: string, generation: Generation | undefined) {
  return {
    id,
    prediction: generation?.text ?? "",
    prompt_tokens: generation?.promptTokens ?? 0,
    completion_tokens: generation?.completionTokens ?? 0,
    stop: generation?.stop ?? "error",
    ...(generation?.error === undefined ? {} : { error: generation.error }),
  };
}

function textOf(rows: readonly ReturnType<typeof toRow>[], output: string | undefined): string {
  const failed = rows.filter(({ stop }) => stop === "error").length;
  if (output !== undefined) {
    return `Wrote ${counted(rows.length, "prediction")} to ${output}${failed > 0 ? `, ${failed} of them failed` : ""}`;
  }
  return rows.map((row) => (row.error === undefined ? row.prediction : `(${row.error})`)).join("\n\n");
}
