/** JSON Lines files, written whole or not at all. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** @param {string} file @returns {any[]} one value a line */
export function readJsonl(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** @param {string} file @param {readonly unknown[]} rows */
export function writeJsonl(file, rows) {
  writeText(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** Writes beside the target first, so that a stopped run leaves no half-written file. */
export function writeText(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}
