/** Readers of option values that several verbs share. Each refuses with a usage error. */
import { resolve } from "node:path";
import type { Device } from "@gitune/core";
import { InvalidArgumentError, Option } from "commander";

const DEVICES: readonly Device[] = ["auto", "cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node", "tfjs"];

/** A whole number of at least 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number of at least 1.");
  }
  return value;
}

/** A number of at least 0. */
export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("It must be a number of at least 0.");
  }
  return value;
}

/** A number above 0. */
export function positive(text: string): number {
  const value = nonNegative(text);
  if (value === 0) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

/** A number above 0 and up to 1. */
export function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError("It must be a number above 0 and up to 1.");
  return value;
}

/** A whole number of at least 0. */
export function wholeNumber(text: string): number {
  return text === "0" ? 0 : positiveInteger(text);
}

/** A text that is not empty, after those that were given before. */
export function oneMoreText(text: string, before: readonly string[]): readonly string[] {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return [...before, text];
}

/** Names parted by commas. */
export function nameList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("It must be names parted by commas.");
  return names;
}

/** For what ends in a job that somebody else ends later. */
export function timeLimitOption(): Option {
  return new Option("--time-limit <minutes>", "stop after that long, with a checkpoint to go on from").argParser(
    positive,
  );
}

export function deviceOption(): Option {
  return new Option("--device <device>", "where to compute, in place of the config's choice").choices(DEVICES);
}

export function threadsOption(): Option {
  return new Option("--threads <n>", "CPU threads (default: one a core)").argParser(positiveInteger);
}

/** A path as typed, seen from where it was typed. */
export function pathFrom(cwd: string, typed: string): string {
  return resolve(cwd, typed);
}
