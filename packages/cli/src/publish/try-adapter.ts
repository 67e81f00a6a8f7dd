/** Tries an adapter that came back from the Hub: it loads, and says what the one here says. */
import type { EvalRow, GenerationOptions } from "@gitune/core";
import type { Base } from "@gitune/train";
import { notTheSame } from "./same-release.js";

export interface TryOptions {
  readonly base: Base;
  /** The folder of the adapter that was sent. */
  readonly sent: string;
  readonly rows: readonly EvalRow[];
  readonly generation: GenerationOptions;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Long enough to see that an adapter acts, short enough for a release. */
const MAX_NEW_TOKENS = 32;

/** @throws {GituneError} `publish.verify` (exit code 3) for a text that differs; what loading an adapter throws */
export async function tryAdapter(folder: string, options: TryOptions): Promise<void> {
  const { rows, sent } = options;
  const [here, there] = [await textsOf(sent, options), await textsOf(folder, options)];
  for (const [at, row] of rows.entries()) {
    if (here[at] === there[at]) continue;
    throw notTheSame(`what the adapter says to ${row.id}`, here[at] ?? "nothing", there[at] ?? "nothing");
  }
}

async function textsOf(adapter: string, options: TryOptions): Promise<readonly string[]> {
  const { createGenerator } = await import("@gitune/train");
  const { base, threads, rows, generation, signal } = options;
  // Both texts are made here, so any device compares them, and every machine that publishes has this one.
  const device = "cpu";
  const generator = await createGenerator({ base, adapter, device, ...(threads === undefined ? {} : { threads }) });
  try {
    const texts = await generator.generate(
      rows.map(({ prompt }) => prompt),
      { ...generation, maxNewTokens: Math.min(generation.maxNewTokens, MAX_NEW_TOKENS) },
      signal ? { signal } : {},
    );
    signal?.throwIfAborted();
    return texts.map(({ text, stop }) => `${stop}: ${text}`);
  } finally {
    await generator.close();
  }
}
