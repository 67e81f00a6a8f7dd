/** What publishing sees of the world in a test: the stand-in as the Hub, no real waiting, and who we are. */
import { after, before, beforeEach } from "node:test";
import type { PublishOptions, runPublish } from "gitune";
import { type HubServer, startHub } from "./hub-server/server.js";
import { ReleaseRepository } from "./release-repository.js";

export interface PublishWorld {
  readonly env: Readonly<Record<string, string>>;
  readonly sleep: NonNullable<PublishOptions["sleep"]>;
  /** How long was waited, in ms, one after the other. */
  readonly waits: readonly number[];
}

/** @param token null has none */
export function publishWorld(
  hub: HubServer,
  token: string | null,
  env: Readonly<Record<string, string>> = {},
): PublishWorld {
  const waits: number[] = [];
  return {
    env: { HF_ENDPOINT: hub.url, ...(token === null ? {} : { HF_TOKEN: token }), ...env },
    sleep: async (ms) => {
      waits.push(ms);
    },
    waits,
  };
}

/** What a verb of publishing is called with where nobody listens. */
export function publishContext(cwd: string, env: PublishWorld["env"]): Parameters<typeof runPublish>[2] {
  return { cwd, env, note: () => undefined, onProgress: () => undefined, signal: new AbortController().signal };
}

export interface Stage {
  readonly hub: HubServer;
  readonly repository: ReleaseRepository;
  /** Of the one that publishes. */
  readonly token: string;
}

/** For a test file: one Hub and one repository, which before each test are empty, and without a release that is tagged. */
export function onEmptyStage(use: (stage: Stage) => void): void {
  let hub: HubServer;
  let repository: ReleaseRepository;
  before(async () => {
    hub = await startHub();
    repository = new ReleaseRepository();
  });
  after(async () => {
    repository.remove();
    await hub.close();
  });
  beforeEach(() => {
    hub.reset();
    hub.objects.partSizeBytes = 0;
    repository.deleteTags();
    use({ hub, repository, token: hub.tokens.issue({ name: "acme" }) });
  });
}

/** The environment of a job with `permissions: id-token: write`. */
export function workflowIdentity(hub: HubServer): Readonly<Record<string, string>> {
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${hub.url}/_actions/id-token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner-secret",
  };
}
