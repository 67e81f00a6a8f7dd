/**
 * Rows as token ids, in their order: from the cache where they were met before, else tokenized here, or in threads of
 * their own once there is enough to do. However it is done, the ids are the same.
 */
import { canonicalJson, type Issue, type Row } from "@gitune/core";
import type { BaseTokenizer } from "../tokenizer/tokenizer.js";
import { type TokenizedRow, tokenizeContent } from "./encode-row.js";
import { TokenCache } from "./token-cache.js";
import { TokenizerThreads } from "./tokenizer-threads.js";

/** What makes tokenizing fast. */
export interface TokenizeOptions {
  /** Where ids are kept for the next time; null or left out keeps none. */
  readonly cacheDir?: string | null;
  /** 1 by default: all in this thread. */
  readonly threads?: number;
  /**
   * Characters that are tokenized in this thread before others start. By default a second or two of work: less is done
   * before another thread has loaded a large tokenizer.
   */
  readonly charsBeforeThreads?: number;
}

const CHARS_BEFORE_THREADS = 2_000_000;
/** What a thread is given at once. */
const BATCH_CHARS = 200_000;
/** Rows that wait for others that come before them. */
const MAX_BATCH_ROWS = 4096;
/** Batches for each thread, so that none waits for the reader. */
const BATCHES_PER_THREAD = 2;

type Outcome = TokenizedRow | Issue;

interface Waiting {
  readonly row: Row;
  /** Null where nothing is kept. */
  readonly key: string | null;
  readonly known: TokenizedRow | null;
}

interface Done {
  readonly row: Row;
  /** An issue has no place. */
  readonly tokenized: Outcome;
}

/**
 * Tokenizes a stream of rows.
 * @throws {GituneError} `template.missing`: it is the base that is wrong, and all rows with it
 */
export async function* tokenizeRows(
  rows: AsyncIterable<Row> | Iterable<Row>,
  tokenizer: BaseTokenizer,
  { cacheDir = null, threads = 1, charsBeforeThreads = CHARS_BEFORE_THREADS }: TokenizeOptions,
): AsyncGenerator<Done> {
  const cache = cacheDir === null ? null : await TokenCache.open(cacheDir, tokenizer.files);
  const work = new Work(tokenizer, { threads, charsBeforeThreads }, cache);
  try {
    let batch: Waiting[] = [];
    let chars = 0;
    for await (const row of rows) {
      const text = canonicalJson(row.content);
      const key = cache?.keyOf(text) ?? null;
      const known = key === null ? null : (cache?.get(key) ?? null);
      batch.push({ row, key, known });
      if (!known) chars += text.length;
      if (chars < BATCH_CHARS && batch.length < MAX_BATCH_ROWS) continue;
      yield* work.add(batch, chars);
      [batch, chars] = [[], 0];
    }
    yield* work.add(batch, chars);
    yield* work.finish();
    await cache?.save();
  } finally {
    await work.close();
  }
}

type Limits = Required<Pick<TokenizeOptions, "threads" | "charsBeforeThreads">>;

class Work {
  readonly #tokenizer: BaseTokenizer;
  readonly #limits: Limits;
  readonly #cache: TokenCache | null;
  readonly #queue: Promise<readonly Done[]>[] = [];
  #threads: TokenizerThreads | null = null;
  #chars = 0;

  constructor(tokenizer: BaseTokenizer, limits: Limits, cache: TokenCache | null) {
    this.#tokenizer = tokenizer;
    this.#limits = limits;
    this.#cache = cache;
  }

  /** Puts a batch at the end, and gives what is done at the front. */
  async *add(batch: readonly Waiting[], chars: number): AsyncGenerator<Done> {
    const { threads, charsBeforeThreads } = this.#limits;
    if (threads > 1 && this.#chars >= charsBeforeThreads)
      this.#threads ??= new TokenizerThreads(threads, this.#tokenizer.files);
    this.#chars += chars;
    const done = this.#tokenize(batch);
    // Whoever takes it from the queue hears of a failure; until then it is no unhandled one.
    done.catch(() => undefined);
    this.#queue.push(done);
    const most = this.#threads ? threads * BATCHES_PER_THREAD : 0;
    while (this.#queue.length > most) yield* await this.#queue.shift()!;
  }

  async *finish(): AsyncGenerator<Done> {
    for (const done of this.#queue) yield* await done;
  }

  async close(): Promise<void> {
    await this.#threads?.close();
  }

  async #tokenize(batch: readonly Waiting[]): Promise<readonly Done[]> {
    const contents = batch.filter(({ known }) => !known).map(({ row }) => row.content);
    const found = this.#threads
      ? await this.#threads.tokenize(contents)
      : contents.map((content) => tokenizeContent(content, this.#tokenizer));
    let next = 0;
    return batch.map(({ row, key, known }) => {
      if (known) return { row, tokenized: known };
      const tokenized = found[next++]!;
      if (key !== null && !("code" in tokenized)) this.#cache?.put(key, tokenized);
      return { row, tokenized };
    });
  }
}
