/** Secrets of every kind that a job may hold, and the spellings in which one could come out. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const made = (label: string, length: number) =>
  createHash("sha512").update(label).digest("base64url").replace(/[-_]/g, "x").slice(0, length);

const APP_KEY = [1, 2, 3].map((line) => made(`app-key-${line}`, 64));

/** Variables of the runner's machine, as a careless workflow sets them for all steps. */
export const SECRET_ENV: Readonly<Record<string, string>> = {
  GITHUB_TOKEN: `ghs_${made("github", 36)}`,
  GH_TOKEN: `github_pat_${made("pat", 60)}`,
  HF_TOKEN: `hf_${made("hub", 34)}`,
  GITUNE_APP_KEY: `-----BEGIN RSA PRIVATE KEY-----\n${APP_KEY.join("\n")}\n-----END RSA PRIVATE KEY-----`,
  GITUNE_JUDGE_API_KEY: `judge-${made("judge", 40)}`,
  OPENAI_API_KEY: `sk-proj-${made("openai", 48)}`,
  ACTIONS_RUNTIME_TOKEN: `eyJ${made("runtime", 20)}.${made("runtime-2", 60)}.${made("runtime-3", 40)}`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: `eyJ${made("oidc", 20)}.${made("oidc-2", 60)}.${made("oidc-3", 40)}`,
  ACTIONS_ID_TOKEN_REQUEST_URL: "https://pipelines.example/idtoken?api-version=2.0",
  ACTIONS_RUNNER_INPUT_TOKEN: made("runner", 29).toUpperCase(),
  AWS_SECRET_ACCESS_KEY: `${made("aws", 20)}/+${made("aws-2", 18)}`,
  NPM_CONFIG__AUTH: Buffer.from(`user:${made("npm", 30)}`).toString("base64"),
};

/** Each secret as it is; a key of several lines by its lines, since each of them is enough to be a leak. */
export const SECRETS: readonly string[] = [
  ...Object.entries(SECRET_ENV)
    .filter(([name]) => name !== "GITUNE_APP_KEY" && name !== "ACTIONS_ID_TOKEN_REQUEST_URL")
    .map(([, value]) => value),
  ...APP_KEY,
];

/** As it is, as base64 wherever it begins, as base64url, in an address, and in hex. */
export function spellingsOf(secret: string): readonly string[] {
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString("base64");
    // What depends on neighbours is left out at both ends.
    return text.slice(4, -4);
  });
  return [
    secret,
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    encodeURIComponent(secret),
    Buffer.from(secret).toString("hex"),
  ];
}

/** @returns the secrets, by their place in the list, that a text or a file holds in any spelling */
export function leaksIn(bytes: Buffer, secrets: readonly string[]): readonly number[] {
  return secrets.flatMap((secret, at) =>
    spellingsOf(secret).some((spelling) => bytes.includes(spelling)) ? [at] : [],
  );
}

/** A place and what is written there. */
export type Written = readonly [place: string, content: string | Buffer];

/** Fails where one of the secrets is written in one of the places, in any spelling; the same content is looked through once. */
export function assertNoLeaks(secrets: readonly string[], written: readonly Written[]): void {
  const contents = new Map<string, readonly [place: string, bytes: Buffer]>();
  for (const [place, content] of written) {
    const bytes = Buffer.from(content);
    contents.set(createHash("sha256").update(bytes).digest("hex"), [place, bytes]);
  }
  for (const [place, bytes] of contents.values()) assert.deepEqual(leaksIn(bytes, secrets), [], place);
}

/** Every file of a folder, by its path; none where there is no folder. */
export function filesBelow(folder: string): readonly Written[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [path, readFileSync(path)] as const);
}
