/**
 * Fills dropout factors: 0 with probability `rate`, else 1 / (1 - rate). Each value is a hash of its index and the
 * seed (the finalizer of MurmurHash3), so a mask depends on nothing but these, and is made without keeping state.
 * @param rate [0, 1)
 */
export function fillDropout(out: Float32Array, rate: number, seed: number): Float32Array {
  const keep = 1 / (1 - rate);
  const limit = rate * 4294967296;
  for (let i = 0; i < out.length; i++) {
    let h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca77);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    out[i] = (h ^ (h >>> 16)) >>> 0 < limit ? 0 : keep;
  }
  return out;
}
