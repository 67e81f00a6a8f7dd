/**
 * Names every public export without a docstring: each name of each packages/<name>/src/index.ts, looked up where it is
 * defined. An object type may say it at its members.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @param {string} root the workspace's root
 * @returns {{ public: number, findings: string[] }} one line a finding: `file  message`
 */
export function checkDocstrings(root) {
  const findings = [];
  let count = 0;
  for (const name of readdirSync(join(root, "packages")).sort()) {
    const index = join(root, "packages", name, "src", "index.ts");
    if (!existsSync(index)) continue;
    const text = readFileSync(index, "utf8");
    if (/^export \* /m.test(text))
      findings.push(`${relative(root, index)}  lists names with export *: name them one by one`);
    for (const exported of reExports(text)) {
      count += 1;
      const problem = findProblem(exported, index, root);
      if (problem) findings.push(problem);
    }
  }
  return { public: count, findings };
}

/** @returns {string | null} */
function findProblem({ name, from }, importer, root, depth = 0) {
  const file = join(dirname(importer), from.replace(/\.js$/, ".ts"));
  const shown = relative(root, file);
  if (!existsSync(file) || depth > 5) return `${shown}  is named by an index.ts and is not there`;
  const text = readFileSync(file, "utf8");
  const definition = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:async )?(?:function\\*?|const|let|class|interface|type|enum|namespace) ${name.replaceAll("$", "\\$")}\\b`,
    "m",
  ).exec(text);
  if (definition) {
    const before = text.slice(0, definition.index);
    return endsInDocstring(before) || documentsMembers(text.slice(definition.index))
      ? null
      : `${shown}:${before.split("\n").length}  ${name} has no docstring`;
  }
  const further = reExports(text).find((other) => other.as === name);
  return further ? findProblem(further, file, root, depth + 1) : `${shown}  does not define ${name}`;
}

/** Whether an editor would show a docstring for what comes next. */
function endsInDocstring(before) {
  const text = before.trimEnd();
  return text.endsWith("*/") && text.startsWith("/**", text.lastIndexOf("/*"));
}

/** Whether what starts here is an object type whose members say what they are: then its name needs no sentence more. */
function documentsMembers(text) {
  const body = /^export (?:interface|type) [^{;]*\{\n([\s\S]*?)^\}/m.exec(text);
  return body?.index === 0 && body[1].includes("/**");
}

/** Every `export { a, b as c, type D } from "./x.js"` of a file. */
function reExports(text) {
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm)].flatMap(([, names, from]) =>
    names
      .replaceAll(/\/\/.*$/gm, "")
      .split(",")
      .map((part) => part.trim().replace(/^type /, ""))
      .filter((part) => part !== "")
      .map((part) => {
        const [name, as = name] = part.split(" as ");
        return { name, as, from };
      }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { public: count, findings } = checkDocstrings(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
  for (const finding of findings) console.error(finding);
  console.log(`${count} public names, ${findings.length} without a docstring`);
  if (findings.length > 0) process.exitCode = 1;
}
