/** Longest of the tokens that byte fallback makes of one character: a tail may begin in its middle. */
const CHARACTER_TOKENS = 4;

/** Finds stop strings in texts that grow token by token, also where one spans several tokens or ends inside one. */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #decode: (ids: readonly number[]) => string;
  readonly #rows = new Map<number, number[]>();
  /** Tokens that the longest stop string may take, and a character before it. */
  readonly #tailLength: number;

  /** @param stops none of them empty */
  constructor(stops: readonly string[], decode: (ids: readonly number[]) => string) {
    this.#stops = stops;
    this.#decode = decode;
    this.#tailLength = Math.max(...stops.map((stop) => Buffer.byteLength(stop))) + CHARACTER_TOKENS;
  }

  /** Notes a row's next token. @returns whether its text holds a stop string now: the row can end */
  follow(row: number, id: number): boolean {
    const ids = this.#rows.get(row) ?? [];
    this.#rows.set(row, ids);
    ids.push(id);
    // The whole text has the last word: its tail alone may read differently, but costs the same however long the text is.
    return this.#find(this.#decode(ids.slice(-this.#tailLength))) !== null && this.#find(this.#decode(ids)) !== null;
  }

  /**
   * The text before the stop string that was complete first, and how many tokens it took to complete it; null without one.
   * Tokens that came after it change nothing.
   */
  cut(ids: readonly number[]): { readonly text: string; readonly tokens: number } | null {
    if (this.#find(this.#decode(ids)) === null) return null;
    let [without, within] = [0, ids.length];
    while (within - without > 1) {
      const middle = (without + within) >> 1;
      if (this.#find(this.#decode(ids.slice(0, middle))) === null) without = middle;
      else within = middle;
    }
    const text = this.#decode(ids.slice(0, within));
    return { text: text.slice(0, this.#find(text) ?? text.length), tokens: within };
  }

  /** Where the first stop string begins. */
  #find(text: string): number | null {
    const at = this.#stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
    return at.length > 0 ? Math.min(...at) : null;
  }
}
