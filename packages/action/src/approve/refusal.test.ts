import assert from "node:assert/strict";
import { it } from "node:test";
import { type Approval, refusalOf } from "./refusal.js";

const BY_LABEL: Approval = {
  isPrivate: true,
  hasEnvironment: false,
  workflows: [],
  labeling: { label: "gitune: run", by: "octo", role: "write" },
};
const BY_ENVIRONMENT: Approval = { ...BY_LABEL, hasEnvironment: true, labeling: null };

for (const [name, approval, refusal] of [
  ["a label by who may push", BY_LABEL, null],
  ["a label by an owner", { ...BY_LABEL, labeling: { label: "x", by: "octo", role: "admin" } }, null],
  [
    "a label by who may only triage",
    { ...BY_LABEL, labeling: { label: "x", by: "octo", role: "read" } },
    /octo may not push/,
  ],
  ["a label by a stranger", { ...BY_LABEL, labeling: { label: "x", by: "octo", role: "none" } }, /octo may not push/],
  ["no label, or one of an earlier commit", { ...BY_LABEL, labeling: null }, /Nobody has put the label/],
  ["an environment", BY_ENVIRONMENT, null],
  ["a label in a public repository", { ...BY_LABEL, isPrivate: false }, /public repository/],
  ["an environment in a public repository", { ...BY_ENVIRONMENT, isPrivate: false }, /public repository/],
  ["a label on a changed workflow", { ...BY_LABEL, workflows: [".github/workflows/a.yml"] }, /changes a workflow/],
  ["an environment of a changed workflow", { ...BY_ENVIRONMENT, workflows: ["x"] }, /changes a workflow/],
  ["too many files to tell", { ...BY_ENVIRONMENT, workflows: null }, /more files than GitHub lists/],
] as const satisfies readonly (readonly [string, Approval, RegExp | null])[]) {
  it(`${name}: ${refusal === null ? "approved" : "refused"}`, () => {
    const found = refusalOf(approval);
    if (refusal === null) assert.equal(found, null);
    else assert.match(found ?? "", refusal);
  });
}
