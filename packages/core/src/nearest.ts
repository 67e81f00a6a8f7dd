import { distance } from "fastest-levenshtein";

/**
 * The known name that `name` was probably meant to be.
 * @returns undefined where none is near: more than a third of the letters differ
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // What comes out of a file may be long; Levenshtein is quadratic.
  if (name.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const d = distance(normalize(name), normalize(candidate));
    if (d < bestDistance && d <= Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3))) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `batchSize` and `batch-size` are as good as `batch_size`. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, "");
}

/** The advice that goes with a name that is not known; undefined where none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const near = nearest(name, known);
  return near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`;
}
