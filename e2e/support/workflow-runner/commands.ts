/** Workflow commands (`::error::`) and command files (`$GITHUB_OUTPUT`), as the runner reads them. */

export interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly value: string;
}

/**
 * `::name key=value,key=value::data` at a line's start, or the older `##[name key=value;key=value]data` anywhere in it.
 * @returns null for a line that is no command
 */
export function parseCommand(line: string): WorkflowCommand | null {
  return parseNew(line) ?? parseOld(line);
}

function parseOld(line: string): WorkflowCommand | null {
  const [, name = "", pairs = "", value = ""] = /##\[([\w-]+)(?: ([^\]]*))?\](.*)$/.exec(line) ?? [];
  if (name === "") return null;
  const properties = pairs.split(";").flatMap((pair) => (pair.includes("=") ? [pair.trim().split("=", 2)] : []));
  return { name, properties: Object.fromEntries(properties) as Record<string, string>, value: unescapeData(value) };
}

function parseNew(line: string): WorkflowCommand | null {
  const trimmed = line.trimStart();
  if (!trimmed.startsWith("::")) return null;
  const end = trimmed.indexOf("::", 2);
  if (end < 0) return null;
  const [name = "", ...rest] = trimmed.slice(2, end).split(" ");
  if (!/^[\w-]+$/.test(name)) return null;
  const properties: Record<string, string> = {};
  for (const pair of rest.join(" ").split(",")) {
    const equals = pair.indexOf("=");
    if (equals > 0) properties[pair.slice(0, equals).trim()] = unescapeProperty(pair.slice(equals + 1));
  }
  return { name, properties, value: unescapeData(trimmed.slice(end + 2)) };
}

function unescapeData(text: string): string {
  return text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll("%3A", ":").replaceAll("%2C", ","));
}

/**
 * `name=value` lines and `name<<END … END` blocks.
 * @throws {Error} as the runner does, which fails the step
 */
export function parseCommandFile(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? "";
    if (line === "") continue;
    const heredoc = line.indexOf("<<");
    const equals = line.indexOf("=");
    if (heredoc > 0 && (equals < 0 || heredoc < equals)) {
      const end = line.slice(heredoc + 2);
      const close = lines.indexOf(end, i + 1);
      if (close < 0) throw new Error(`Invalid value. Matching delimiter not found '${end}'`);
      values[line.slice(0, heredoc)] = lines.slice(i + 1, close).join("\n");
      i = close;
    } else if (equals > 0) {
      values[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      throw new Error(`Invalid format '${line}'`);
    }
  }
  return values;
}
