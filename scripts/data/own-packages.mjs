/**
 * Prints gitune's own packages as rows of `package-synopsis`: a README's first paragraph, and the description in the
 * package.json beside it. The project's source `own-packages`: a README that says something new is a new row.
 */
import { readdirSync, readFileSync } from "node:fs";

const packages = new URL("../../packages/", import.meta.url);

for (const folder of readdirSync(packages).sort()) {
  const { name, description } = JSON.parse(readFileSync(new URL(`${folder}/package.json`, packages), "utf8"));
  const prose = firstParagraph(readFileSync(new URL(`${folder}/README.md`, packages), "utf8"));
  const turn = (role, content) => ({ role, content });
  const row = {
    // As Debian would name it: source and package, both of plain letters.
    id: `gitune/${name.replace("@", "").replace("/", "-")}`,
    messages: [
      turn("user", `Summarise this package in one line.\n\n${prose}`),
      turn("assistant", description.replace(/\.$/, "")),
    ],
  };
  console.log(JSON.stringify(row));
}

/** The text below the title as one line, without links and code marks. */
function firstParagraph(markdown) {
  const [, paragraph = ""] = markdown.split(/\n{2,}/);
  return paragraph
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "")
    .replace(/\s+/g, " ")
    .trim()
    .replace(/:$/, ".");
}
