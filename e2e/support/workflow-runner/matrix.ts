/** A job's legs from `strategy.matrix`. */
import type { Json } from "./expressions.js";

export type Leg = Readonly<Record<string, Json>>;

/** Every combination less `exclude`, with `include` merged in or added, as GitHub documents it. */
export function expandMatrix(matrix: Json | undefined): readonly Leg[] {
  if (typeof matrix !== "object" || matrix === null || Array.isArray(matrix)) return [{}];
  const { include = [], exclude = [], ...axes } = matrix as Record<string, Json>;
  const names = Object.keys(axes);
  let legs: Record<string, Json>[] = names.length > 0 ? [{}] : [];
  for (const name of names) {
    const values = axes[name];
    if (!Array.isArray(values)) throw new Error(`matrix axis "${name}" is not a list`);
    legs = legs.flatMap((leg) => values.map((value: Json) => ({ ...leg, [name]: value })));
  }
  const excluded = exclude as readonly Leg[];
  legs = legs.filter((leg) => !excluded.some((wanted) => isPart(wanted, leg)));
  for (const extra of include as readonly Leg[]) {
    const onAxes = Object.fromEntries(Object.entries(extra).filter(([name]) => names.includes(name)));
    const targets = names.length > 0 ? legs.filter((leg) => isPart(onAxes, leg)) : [];
    for (const leg of targets) Object.assign(leg, extra);
    if (targets.length === 0) legs.push({ ...extra });
  }
  return legs;
}

function isPart(part: Leg, whole: Leg): boolean {
  return Object.entries(part).every(([name, value]) => JSON.stringify(whole[name]) === JSON.stringify(value));
}
