/** The step that starts the process that beats, and the one that ends it after the job's last step. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as core from "@actions/core";
import { childEnv } from "../child-env.js";
import { type Env, readInput, readSeconds } from "../inputs.js";
import type { BeatOrders } from "./loop.js";
import { signFile } from "./sign-of-life.js";

const STATE = "pid";
/** Half a minute: removing three artifacts takes seconds. */
const STOP_TRIES = 300;
const STOP_PAUSE_MS = 100;
const MAX_LOG_CHARS = 2000;

/** Leaves a process behind. Where there is nothing to beat with, the job goes on without. */
export async function startBeat(env: Env): Promise<void> {
  const [token, resultsUrl, sign, temp] = [
    env["ACTIONS_RUNTIME_TOKEN"],
    env["ACTIONS_RESULTS_URL"],
    signFile(env),
    env["RUNNER_TEMP"],
  ];
  const leg = readInput(env, "leg");
  if (!token || !resultsUrl || !temp || sign === undefined || !/^\d{1,3}$/.test(leg)) {
    core.warning("There is no token for artifacts: a runner that is lost takes its checkpoints along.", {
      title: "gitune: no heartbeat",
    });
    return;
  }
  const orders: BeatOrders = {
    leg: Number(leg),
    store: resolve(env["GITHUB_WORKSPACE"] ?? ".", env["GITUNE_STORE"] || readInput(env, "store")),
    sign,
    temp,
    intervalMs: readSeconds(env, "interval") * 1000,
    log: logFile(temp),
    running: runningFile(temp),
    token,
    resultsUrl,
  };
  writeFileSync(orders.running, "");
  const script = join(dirname(fileURLToPath(import.meta.url)), "beat-loop.mjs");
  // The runner ends what has its tracking id, should the last step never come.
  const tracking = env["RUNNER_TRACKING_ID"];
  const child = spawn(process.execPath, [script], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { ...childEnv(env), ...(tracking === undefined ? {} : { RUNNER_TRACKING_ID: tracking }) },
  });
  await new Promise<void>((done, fail) => {
    child.on("error", fail);
    child.stdin.on("error", fail).end(JSON.stringify(orders), () => done());
  });
  child.unref();
  core.saveState(STATE, String(child.pid));
}

/** Asks the process to stop, waits until it has, and says what went wrong in it. */
export async function endBeat(env: Env): Promise<void> {
  const pid = Number(core.getState(STATE));
  const temp = env["RUNNER_TEMP"] ?? "";
  if (!Number.isInteger(pid) || pid <= 0) return;
  const isThere = signal(pid, "SIGTERM");
  for (let attempt = 0; isThere && attempt < STOP_TRIES && existsSync(runningFile(temp)); attempt += 1) {
    await sleep(STOP_PAUSE_MS);
  }
  signal(pid, "SIGKILL");
  const log = logFile(temp);
  if (!existsSync(log)) return;
  core.warning(readFileSync(log, "utf8").slice(0, MAX_LOG_CHARS), { title: "gitune: a heartbeat was not sent" });
}

const logFile = (temp: string): string => join(temp, "gitune-beat.log");
const runningFile = (temp: string): string => join(temp, "gitune-beat.running");

/** @returns whether the process is there */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
