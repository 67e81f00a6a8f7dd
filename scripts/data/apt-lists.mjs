/** Reads the package lists that `apt-get update` leaves on a Debian machine. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tidy, unfold } from "./description.mjs";

export const LISTS_FOLDER = "/var/lib/apt/lists";
const APT_HELPER = "/usr/lib/apt/apt-helper";

/**
 * @typedef {object} Package
 * @property {string} package
 * @property {string} source name of the source package
 * @property {string} section
 * @property {string} synopsis the description's first line
 * @property {string[][]} description paragraphs of lines, see `unfold`
 */

/**
 * The main archive only: updates and security repeat its descriptions.
 * @param {string} folder of apt's lists
 * @param {string} codename
 * @returns {{ packages: Package[], provenance: Record<string, string> }}
 */
export function readAptLists(folder, codename) {
  const find = (pattern, what) => {
    const name = readdirSync(folder).find((entry) => pattern.test(entry));
    if (name === undefined) {
      throw new Error(
        `${folder} has no ${what} of Debian ${codename}: run "apt-get -o Acquire::Languages=en update" as root`,
      );
    }
    return join(folder, name);
  };
  const packagesText = decompress(
    find(new RegExp(`debian_dists_${codename}_main_binary-amd64_Packages(?:\\.\\w+)?$`), "Packages"),
  );
  const translationText = decompress(
    find(new RegExp(`debian_dists_${codename}_main_i18n_Translation-en(?:\\.\\w+)?$`), "Translation-en"),
  );
  const release = readFileSync(find(new RegExp(`debian_dists_${codename}_(?:In)?Release$`), "Release"), "utf8");

  const long = new Map();
  for (const fields of stanzas(translationText)) {
    const id = fields["Description-md5"];
    if (id !== undefined && !long.has(id)) long.set(id, fields["Description-en"] ?? "");
  }
  const packages = [];
  const seen = new Set();
  for (const fields of stanzas(packagesText)) {
    const name = fields["Package"];
    const text = long.get(fields["Description-md5"]);
    if (name === undefined || text === undefined || seen.has(name)) continue;
    seen.add(name);
    const end = text.indexOf("\n");
    packages.push({
      package: name,
      source: (fields["Source"] ?? name).replace(/ \(.*$/, ""), // "gcc-12 (12.2.0-14)" where the versions differ
      section: fields["Section"] ?? "",
      synopsis: tidy(end < 0 ? text : text.slice(0, end)),
      description: end < 0 ? [] : unfold(text.slice(end + 1)),
    });
  }
  packages.sort((a, b) => (a.package < b.package ? -1 : 1));
  const field = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(release)?.[1] ?? "";
  return {
    packages,
    provenance: {
      origin: `Debian ${field("Version")} (${codename}), main, amd64`,
      release_date: field("Date"),
      packages_sha256: sha256(packagesText),
      translation_en_sha256: sha256(translationText),
    },
  };
}

/** apt may keep its lists compressed, in any of several formats. */
function decompress(file) {
  if (!/\.\w+$/.test(file)) return readFileSync(file);
  return execFileSync(APT_HELPER, ["cat-file", file], { maxBuffer: 2 ** 30 });
}

/** RFC 822 stanzas; the lines of a folded field keep their leading space. */
function* stanzas(bytes) {
  for (const block of bytes.toString("utf8").split("\n\n")) {
    const fields = {};
    for (const { 1: name, 2: value } of block.matchAll(/^([\w-]+):[ \t]?((?:.*)(?:\n[ \t].*)*)/gm))
      fields[name] = value;
    yield fields;
  }
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
