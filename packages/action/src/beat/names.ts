/** Names of the artifacts by which a job's life is seen from elsewhere. Who reads them believes nothing but these forms. */

const BEAT = /^gitune-beat-(\d{1,3})$/;
const CHECKPOINT = /^gitune-store-(\d{1,3})-checkpoint-[ab]$/;

/** Made anew with each beat: when it was made is the last sign of life. */
export function beatName(leg: number): string {
  return `gitune-beat-${leg}`;
}

/** Of two, one is there while the other is written. The gate adds what is called `gitune-store-…` to the store. */
export function checkpointName(leg: number, slot: "a" | "b"): string {
  return `gitune-store-${leg}-checkpoint-${slot}`;
}

/** @returns undefined for the name of another artifact */
export function readName(name: string): { readonly leg: number; readonly kind: "beat" | "checkpoint" } | undefined {
  const beat = BEAT.exec(name)?.[1];
  if (beat !== undefined) return { leg: Number(beat), kind: "beat" };
  const checkpoint = CHECKPOINT.exec(name)?.[1];
  return checkpoint === undefined ? undefined : { leg: Number(checkpoint), kind: "checkpoint" };
}
