/** Finds import specifiers in JavaScript and TypeScript, without a parser: comments, strings and templates are skipped. */

/**
 * What may come before a string that makes it a specifier: `from "x"`, `import "x"`, `import("x")`. A property
 * (`a.from "x"` is no code) cannot be confused; `Array.from("x")` has its bracket in between.
 */
const BEFORE = /(?:^|[^\w$.])(?:from|import)\s*$|(?:^|[^\w$.])import\s*\(\s*$/;

/** Words after which a slash starts a regular expression, as it does after an operator or an opening bracket. */
const REGEX_AFTER_WORD = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield)\s*$/;

/**
 * @param {string} source
 * @returns {{ specifier: string, line: number }[]} in the order of the file; lines count from 1
 */
export function findImports(source) {
  const found = [];
  /** Code since the last string, without comments: enough to see what a string belongs to. */
  let code = "";
  let line = 1;
  let at = 0;
  /** Open `${` of templates, each with its depth of braces. */
  const holes = [];

  const take = (end) => {
    const text = source.slice(at, end);
    line += text.split("\n").length - 1;
    at = end;
    return text;
  };
  const template = () => {
    // At the character after a backtick or after the brace that closes a hole.
    let i = at;
    while (i < source.length && source[i] !== "`" && !source.startsWith("${", i)) i += source[i] === "\\" ? 2 : 1;
    if (source.startsWith("${", i)) holes.push(0);
    take(Math.min(source.length, i + (source[i] === "`" ? 1 : 2)));
    code = " 0 ";
  };

  while (at < source.length) {
    const char = source[at];
    if (source.startsWith("//", at)) {
      const end = source.indexOf("\n", at);
      take(end < 0 ? source.length : end);
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      take(end < 0 ? source.length : end + 2);
    } else if (char === '"' || char === "'") {
      const start = line;
      let i = at + 1;
      while (i < source.length && source[i] !== char && source[i] !== "\n") i += source[i] === "\\" ? 2 : 1;
      const text = take(Math.min(source.length, i + 1)).slice(1, -1);
      if (BEFORE.test(code)) found.push({ specifier: text, line: start });
      code = " 0 ";
    } else if (char === "`") {
      take(at + 1);
      template();
    } else if (char === "/" && startsRegex(code)) {
      take(endOfRegex(source, at));
      code = " 0 ";
    } else {
      if (holes.length > 0 && char === "{") holes[holes.length - 1] += 1;
      if (holes.length > 0 && char === "}") {
        if (holes[holes.length - 1] === 0) {
          holes.pop();
          take(at + 1);
          template();
          continue;
        }
        holes[holes.length - 1] -= 1;
      }
      code = (code + take(at + 1)).slice(-64);
    }
  }
  return found;
}

function startsRegex(code) {
  const last = code.trimEnd().at(-1);
  return last === undefined || "(,=:[!&|?{};+-*%~^<>".includes(last) || REGEX_AFTER_WORD.test(code);
}

function endOfRegex(source, start) {
  let inClass = false;
  for (let i = start + 1; i < source.length; i++) {
    const char = source[i];
    if (char === "\n") return i;
    if (char === "\\") i += 1;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return i + 1;
  }
  return source.length;
}
