/** The standard normal distribution, to double precision. */

const SQRT_2PI = Math.sqrt(2 * Math.PI);
/** Below it the series converges fast and loses nothing; above it the continued fraction does. */
const SERIES_LIMIT = 3;

/**
 * P(Z <= x), relative error about 1e-14 also far out in the lower tail.
 * @see Marsaglia 2004, Evaluating the Normal Distribution (series); Abramowitz & Stegun 26.2.14 (continued fraction)
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const size = Math.abs(x);
  if (size > 38.6) return x < 0 ? 0 : 1;
  const density = Math.exp(-0.5 * x * x) / SQRT_2PI;
  if (size < SERIES_LIMIT) {
    let [term, sum] = [x, x];
    for (let k = 3; Math.abs(term) > Math.abs(sum) * 1e-18 && term !== 0; k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = 0;
  for (let k = 100; k >= 1; k--) fraction = k / (size + fraction);
  const tail = density / (size + fraction);
  return x < 0 ? tail : 1 - tail;
}

/**
 * The x with P(Z <= x) = p: Newton's steps on the logarithm of the tail, from a rough start. Inverse of `normalCdf`.
 * @param p 0 gives -Infinity, 1 gives Infinity
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0.5) return 0;
  // Abramowitz & Stegun 26.2.23, error below 4.5e-4.
  const t = Math.sqrt(-2 * Math.log(p));
  let x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (let step = 0; step < 4; step++) {
    const cdf = normalCdf(x);
    const density = Math.exp(-0.5 * x * x) / SQRT_2PI;
    if (density === 0) break;
    x -= (Math.log(cdf / p) * cdf) / density;
  }
  return x;
}
