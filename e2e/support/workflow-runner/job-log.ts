/** What a job shows: its log with masks applied, its annotations, its summary. */
import { parseCommand } from "./commands.js";

export interface Annotation {
  readonly level: "error" | "warning" | "notice";
  readonly message: string;
  readonly properties: Readonly<Record<string, string>>;
}

export class JobLog {
  readonly annotations: Annotation[] = [];
  readonly #masks: string[] = [];
  #text = "";

  constructor(masks: readonly string[]) {
    this.#masks.push(...masks.filter((mask) => mask !== ""));
  }

  get text(): string {
    return this.#text;
  }

  addMask(value: string): void {
    for (const line of value.split(/\r?\n/)) if (line !== "") this.#masks.push(line);
  }

  say(line: string): void {
    this.#text += `${this.#masks.reduce((text, mask) => text.replaceAll(mask, "***"), line)}\n`;
  }

  annotate(level: Annotation["level"], message: string, properties: Annotation["properties"] = {}): void {
    this.annotations.push({ level, message, properties });
    this.say(`##[${level}]${message}`);
  }
}

/** Obeys the commands in one step's output. `set-output` and `save-state` still work on GitHub, so they do here. */
export class StepOutput {
  readonly #log: JobLog;
  readonly #outputs: Record<string, string>;
  readonly #state: Record<string, string>;
  #resumeToken: string | null = null;
  #rest = "";

  constructor(log: JobLog, outputs: Record<string, string>, state: Record<string, string>) {
    this.#log = log;
    this.#outputs = outputs;
    this.#state = state;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
  }

  #line(line: string): void {
    if (this.#resumeToken !== null) {
      if (line.trim() === `::${this.#resumeToken}::`) this.#resumeToken = null;
      else this.#log.say(line);
      return;
    }
    const command = parseCommand(line);
    if (!command) {
      this.#log.say(line);
      return;
    }
    const { name, properties, value } = command;
    switch (name) {
      case "add-mask":
        this.#log.addMask(value);
        break;
      case "stop-commands":
        this.#resumeToken = value;
        break;
      case "set-output":
        this.#outputs[properties["name"] ?? ""] = value;
        break;
      case "save-state":
        this.#state[properties["name"] ?? ""] = value;
        break;
      case "error":
      case "warning":
      case "notice":
        this.#log.annotate(name, value, properties);
        break;
      case "debug":
      case "remove-matcher":
        break;
      default:
        this.#log.say(line);
    }
  }
}
