/** nx stops where a target's input names a package that is not installed, so nx.json must follow the package.json files. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

test("every external dependency that nx.json names is one of ours", () => {
  const manifests = [
    read("package.json"),
    ...readdirSync(new URL("../packages", import.meta.url)).map((name) => read(`packages/${name}/package.json`)),
  ];
  const ours = new Set(
    manifests.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
      Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }),
    ),
  );
  const named = Object.values(read("nx.json").namedInputs)
    .flat()
    .flatMap((input) => input.externalDependencies ?? []);
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((name) => !ours.has(name)),
    [],
  );
});
