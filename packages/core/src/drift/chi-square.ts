/** The chi-square distribution's upper tail. */

/**
 * P(X > x) for X chi-square distributed: the regularized upper incomplete gamma function Q(df/2, x/2), by its series
 * where x is small and by its continued fraction where it is not.
 * @param x any number; 0 and less give 1   @param df whole, 1 or more
 * @see Press et al. 2007, Numerical Recipes, 3rd edition, §6.2
 */
export function chiSquareTail(x: number, df: number): number {
  if (x <= 0) return 1;
  const [a, z] = [df / 2, x / 2];
  const scale = Math.exp(a * Math.log(z) - z - lnGammaOfHalves(df));
  return z < a + 1 ? 1 - scale * lowerSeries(a, z) : scale * upperFraction(a, z);
}

/** Terms fall at least as fast as z/(a+k); far more than double precision needs for the few bins there are. */
const MAX_TERMS = 10_000;
const EPSILON = 2 ** -52;

function lowerSeries(a: number, z: number): number {
  let term = 1 / a;
  let total = term;
  for (let k = 1; k < MAX_TERMS && term > total * EPSILON; k += 1) {
    term *= z / (a + k);
    total += term;
  }
  return total;
}

/** Lentz's method. Its denominators are above 0, since z > a + 1. */
function upperFraction(a: number, z: number): number {
  let b = z + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let value = d;
  for (let k = 1; k < MAX_TERMS; k += 1) {
    const numerator = -k * (k - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < EPSILON) break;
  }
  return value;
}

/** ln Γ(df/2), exactly by Γ(x + 1) = x Γ(x) from Γ(1/2) = √π or Γ(1) = 1. */
function lnGammaOfHalves(df: number): number {
  let value = df % 2 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let x = df % 2 === 0 ? 1 : 0.5; x < df / 2; x += 1) value += Math.log(x);
  return value;
}
