import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenTag, parseReleaseTag, releasesOf } from "./release-tag.js";
import { compareVersions } from "./versions.js";

test("a release's tag is a project and a version", () => {
  assert.deepEqual(parseReleaseTag("support-tickets@1.3.0-rc.1+build"), {
    name: "support-tickets@1.3.0-rc.1+build",
    project: "support-tickets",
    version: "1.3.0-rc.1+build",
  });
  for (const name of ["", "@1.0.0", "a@", "a@1", "a@1.0", "a@v1.0.0", "a@01.0.0", "a@b@1.0.0", "v1.0.0", "a@1.0.0 "]) {
    assert.equal(parseReleaseTag(name), null, name);
  }
});

test("versions are ordered as semver orders them", () => {
  // https://semver.org, §11.
  const ordered =
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.10 1.2.0 2.0.0";
  const versions = ordered.split(" ");
  for (const [at, version] of versions.entries()) {
    for (const [other, against] of versions.entries()) {
      assert.equal(Math.sign(compareVersions(version, against)), Math.sign(at - other), `${version} and ${against}`);
    }
  }
  assert.equal(compareVersions("1.0.0+a", "1.0.0+b"), 0);
});

test("which tag a call is about", () => {
  const pushed = { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "a@1.0.0" };
  assert.equal(chosenTag(undefined, pushed)?.name, "a@1.0.0");
  assert.equal(chosenTag("a@2.0.0", pushed)?.name, "a@2.0.0");
  assert.equal(chosenTag("a", pushed), null, "a project: its version in the config");
  assert.equal(chosenTag(undefined, { GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "a@1.0.0" }), null);
  assert.throws(() => chosenTag(undefined, { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.0.0" }), /no release's tag/);
});

test("a project's releases, oldest first", () => {
  const tags = ["a@1.10.0", "b@1.0.0", "a@1.9.0", "v3", "a@1.9.0-rc.1"].map((name) => ({ name, commit: "0" }));
  assert.deepEqual(
    releasesOf("a", tags).map(({ version }) => version),
    ["1.9.0-rc.1", "1.9.0", "1.10.0"],
  );
});
