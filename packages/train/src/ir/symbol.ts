/**
 * Sizes that are known only at run time. A symbol is a stand-in for such a size: a prime number that divides no size of
 * the model, so shape rules work on plain numbers, and a product of sizes is recognised by its factors
 * (docs/adr/0004-symbolic-sizes.md).
 */
import { InternalError } from "@gitune/core";
import type { Shape } from "./shape.js";

/** factor · Π symbols + plus */
export interface Size {
  readonly factor: number;
  /** Names, sorted; a square names its symbol twice. */
  readonly symbols: readonly string[];
  readonly plus: number;
}

/**
 * A pass has at least so many tokens, padding included, unless its graph says otherwise: lowering relies on it, since the
 * rounding of a product with fewer rows may depend on the number of threads (backends/onnx/thread-split.ts).
 */
export const LEAST_TOKENS = 64;

/** A value for every symbol. */
export type Sizes = Readonly<Record<string, number>>;

/**
 * Above every head count and below the cube root of 2^53 / 9, so that [batch, heads, length, keys] is still counted
 * exactly. Ten primes are more than any graph's symbols and what has to be avoided can use up.
 */
const PRIMES = [32771, 32779, 32783, 32789, 32797, 32801, 32803, 32831, 32833, 32839] as const;

/** The symbols of one graph. */
export class Symbols {
  readonly #byName = new Map<string, number>();
  /** Sums: they cannot be told by their factors, so each is declared. */
  readonly #sums = new Map<number, Size>();
  readonly #totals = new Map<string, number>();
  readonly #avoid: readonly number[];
  readonly #free: number[];
  /** Tokens that a pass has at least. */
  readonly leastTokens: number;

  /** @param avoid sizes of the model: no symbol divides one of them */
  constructor(avoid: readonly number[] = [], leastTokens = LEAST_TOKENS) {
    this.#avoid = avoid;
    this.leastTokens = leastTokens;
    this.#free = PRIMES.filter((prime) => avoid.every((size) => size % prime !== 0));
  }

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The stand-in of a name, the same at every call. */
  declare(name: string): number {
    const known = this.#byName.get(name) ?? this.#totals.get(name);
    if (known !== undefined) return known;
    const prime = this.#free.shift();
    if (prime === undefined) throw new InternalError(`no stand-in is left for the size ${name}`);
    this.#byName.set(name, prime);
    return prime;
  }

  /** The stand-in of a symbol and a few more. */
  declareSum(name: string, plus: number): number {
    const value = this.declare(name) + plus;
    this.#sums.set(value, { factor: 1, symbols: [name], plus });
    return value;
  }

  /** The stand-in of a sum of symbols under a name of its own: the size of what is joined along them. */
  declareTotal(name: string, parts: readonly string[]): number {
    const value = parts.reduce((sum, part) => sum + this.declare(part), 0);
    if (this.#avoid.includes(value)) throw new InternalError(`${value} is a size of the model and stands for ${name}`);
    this.#sums.set(value, { factor: 1, symbols: [name], plus: 0 });
    this.#totals.set(name, value);
    return value;
  }

  /** What a dimension stands for; null for a plain number. */
  parse(dim: number): Size | null {
    const sum = this.#sums.get(dim);
    if (sum) return sum;
    let factor = dim;
    const symbols: string[] = [];
    for (const [name, prime] of this.#byName) {
      for (; factor !== 0 && factor % prime === 0; factor /= prime) symbols.push(name);
    }
    return symbols.length === 0 ? null : { factor, symbols: symbols.sort(), plus: 0 };
  }

  /** A dimension's real size. */
  resolve(dim: number, sizes: Sizes): number {
    const size = this.parse(dim);
    if (!size) return dim;
    return size.symbols.reduce((product, name) => product * lookUp(sizes, name), size.factor) + size.plus;
  }

  resolveShape(shape: Shape, sizes: Sizes): number[] {
    return shape.map((dim) => this.resolve(dim, sizes));
  }

  /**
   * Reads every symbol off the shapes that are fed.
   * @param fed pairs of a declared and a real shape
   * @throws InternalError where a shape contradicts its declaration or another shape
   */
  bind(fed: readonly { readonly name: string; readonly declared: Shape; readonly real: Shape }[]): Sizes {
    const sizes: Record<string, number> = {};
    for (const { declared, real } of fed) {
      for (const [axis, dim] of declared.entries()) {
        const size = this.parse(dim);
        const [name, ...others] = size?.symbols ?? [];
        if (!size || name === undefined || others.length > 0) continue;
        sizes[name] ??= ((real[axis] ?? 0) - size.plus) / size.factor;
      }
    }
    for (const { name, declared, real } of fed) {
      const wanted = this.resolveShape(declared, sizes);
      if (wanted.length !== real.length || wanted.some((dim, axis) => dim !== real[axis]))
        throw new InternalError(`${name} is fed as [${real.join(", ")}], it should be [${wanted.join(", ")}]`);
    }
    return sizes;
  }
}

/** As text, e.g. `3·batch·length`: a name for the dimension. */
export function formatSize({ factor, symbols, plus }: Size): string {
  const product = [...(factor === 1 ? [] : [String(factor)]), ...symbols].join("·");
  return plus === 0 ? product : `${product}+${plus}`;
}

function lookUp(sizes: Sizes, name: string): number {
  const value = sizes[name];
  if (value === undefined) throw new InternalError(`the size ${name} is not bound: no input has it as an axis`);
  return value;
}
