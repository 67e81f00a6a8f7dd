/** How deep JSON nests. Reading it ends no stack, but most of what is done with it later calls itself for each level. */

/** Of rows, schemas and model files alike; honest ones nest a few levels. */
export const MAX_DEPTH = 200;

/** Whether a value of `JSON.parse` nests deeper than the limit. */
export function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((one) => (isContainer(one) ? Object.values(one).filter(isContainer) : []));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
