/**
 * Holm's step-down adjustment: rejecting every hypothesis whose adjusted p is at most α keeps the chance of even one
 * false rejection at α, whatever the tests' dependence.
 * @param ps one-sided or two-sided p-values, 0..1 @returns adjusted p-values in the order of `ps`, never below them
 * @see Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, index) => index).sort((a, b) => (ps[a] ?? 0) - (ps[b] ?? 0));
  const adjusted = new Array<number>(ps.length).fill(0);
  let running = 0;
  for (const [rank, index] of order.entries()) {
    running = Math.max(running, Math.min(1, (ps.length - rank) * (ps[index] ?? 1)));
    adjusted[index] = running;
  }
  return adjusted;
}
