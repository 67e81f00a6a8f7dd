/** Every workflow and action file, as zizmor sees them: what attackers make of triggers, tokens, expressions and caches. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const PLACES = [".github/workflows", "packages/action"];
/** That it looks at all. */
const INJECTED = `on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo \${{ github.event.pull_request.title }}
`;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function workflows({ environment, root, out, say }) {
  const injected = join(out, "injected.yml");
  writeFileSync(injected, INJECTED);
  const found = findings(environment.zizmor, PLACES, root);
  for (const { ident, desc, locations } of found) {
    const { symbolic, concrete } = locations[0];
    say(`  ${symbolic.key.Local?.given_path ?? ""}:${concrete.location.start_point.row + 1}  ${ident}: ${desc}`);
  }
  return [
    { what: "findings of zizmor in workflows and action files", value: found.length, atMost: 0 },
    {
      what: "script injections that it finds in a workflow with one",
      value: findings(environment.zizmor, [injected], root).filter(({ ident }) => ident === "template-injection")
        .length,
      atLeast: 1,
    },
  ];
}

/** Ends with a code above 10 where it has findings. */
function findings(zizmor, places, root) {
  const args = ["--offline", "--no-progress", "--format", "json", "--config", ".github/zizmor.yml", ...places];
  const { status, stdout, stderr, error } = spawnSync(zizmor, args, { cwd: root, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0 && status <= 10) throw new Error(`zizmor failed (${status}): ${stderr}`);
  return JSON.parse(stdout);
}
