import assert from "node:assert/strict";

/**
 * Asserts that two tensors agree: the largest difference, relative to the largest wanted magnitude
 * (or to 1 where that is smaller: values that cancel to nearly nothing have no digits of their own).
 */
export function assertClose(
  got: ArrayLike<number | bigint>,
  want: ArrayLike<number | bigint>,
  tolerance: number,
  what: string,
): void {
  assert.equal(got.length, want.length, `${what}: length`);
  let magnitude = 1;
  for (let i = 0; i < want.length; i++) magnitude = Math.max(magnitude, Math.abs(Number(want[i])));
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [Number(got[i]), Number(want[i])];
    const error = Math.abs(g - w) / magnitude;
    // Written so that NaN fails.
    if (!(error <= tolerance)) {
      assert.fail(
        `${what}: element ${i} is ${g}, wanted ${w} (relative error ${error.toExponential(2)} > ${tolerance})`,
      );
    }
  }
}

/** ‖got − want‖ / ‖want‖ */
export function relativeL2(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    error += (got[i]! - want[i]!) ** 2;
    norm += want[i]! ** 2;
  }
  return Math.sqrt(error / norm);
}
