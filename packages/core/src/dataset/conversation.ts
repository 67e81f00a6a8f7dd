/** What a row's content must be beyond its schema: an order of roles that chat templates take, and something to learn. */
import type { Message, RowContent } from "../row.js";
import type { Finding } from "../schema/explain.js";

/**
 * Checks a row's content.
 * @param turnPointer the pointer of a turn in the row as written; the row itself where the format has no turns
 */
export function checkContent(content: RowContent, turnPointer: (index: number) => string = () => ""): Finding[] {
  switch (content.kind) {
    case "messages":
      return [...checkTurns(content.messages, turnPointer), ...endsWithAssistant(content.messages, turnPointer)];
    case "completion":
      return content.completion.trim() === "" ? [empty("/completion", "the completion")] : [];
    case "text":
      return content.text.trim() === "" ? [empty("/text", "the text")] : [];
    case "preference":
      return checkPreference(content);
  }
}

function checkTurns(messages: readonly Message[], turnPointer: (index: number) => string): Finding[] {
  const findings: Finding[] = [];
  let before: Message | undefined;
  for (const [index, turn] of messages.entries()) {
    const expected = expectedRoles(before, index);
    if (!expected.includes(turn.role)) {
      const found = JSON.stringify(turn.role);
      const text = expected.map((role) => JSON.stringify(role)).join(" or ");
      const after = before ? `after ${JSON.stringify(before.role)}` : "as the first turn";
      findings.push({
        code: "row.role-order",
        pointer: turnPointer(index),
        message: `expected ${text} ${after}; found ${found}`,
        expected: text,
        found,
      });
    }
    if (turn.content.trim() === "" && turn.role !== "tool" && turn["tool_calls"] === undefined) {
      findings.push(empty(turnPointer(index), `turn ${index + 1} (${turn.role})`));
    }
    before = turn;
  }
  return findings;
}

/** Templates of common bases raise for anything else, or build a prompt that was never seen in training. */
function expectedRoles(before: Message | undefined, index: number): readonly Message["role"][] {
  if (!before) return index === 0 ? ["system", "user"] : ["user"];
  switch (before.role) {
    case "system":
      return ["user"];
    case "user":
      return ["assistant"];
    case "assistant":
      return before["tool_calls"] === undefined ? ["user"] : ["tool"];
    case "tool":
      return ["assistant", "tool"];
  }
}

function endsWithAssistant(messages: readonly Message[], turnPointer: (index: number) => string): Finding[] {
  const last = messages.at(-1);
  if (last?.role === "assistant") return [];
  const found = JSON.stringify(last?.role ?? "nothing");
  return [
    {
      code: "row.last-role",
      pointer: turnPointer(messages.length - 1),
      message: `the last turn is the ${last?.role ?? "?"}'s: there is no answer to learn`,
      expected: '"assistant"',
      found,
    },
  ];
}

function checkPreference(content: Extract<RowContent, { kind: "preference" }>): Finding[] {
  const answers = [content.chosen, content.rejected].map((turns) => JSON.stringify(turns));
  const findings: Finding[] = [];
  if (answers[0] === answers[1]) {
    findings.push({ code: "row.same-answers", pointer: "/rejected", message: "chosen and rejected are the same" });
  }
  for (const side of ["chosen", "rejected"] as const) {
    if (content[side].every((turn) => turn.content.trim() === "")) findings.push(empty(`/${side}`, side));
  }
  if (content.prompt.length === 0) findings.push(empty("/prompt", "the prompt"));
  return findings;
}

function empty(pointer: string, what: string): Finding {
  return { code: "row.empty", pointer, message: `${what} has no text`, expected: "a text that is not empty" };
}
