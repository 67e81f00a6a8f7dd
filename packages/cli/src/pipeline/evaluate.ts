/** Suites of one project under one model, each suite taken from the store where it is there. */
import type { Device, EvalRow, OnProgress, Project, Results, Store, SuiteConfig, SuiteResult } from "@gitune/core";
import type { Base } from "@gitune/train";
import { evalKey, suiteSha256 } from "./keys.js";
import { WorkNeeded } from "./work-needed.js";

export interface SuiteRows {
  readonly suite: SuiteConfig;
  readonly rows: readonly EvalRow[];
}

export interface EvaluateOptions {
  readonly project: Project;
  readonly base: Base;
  /** `path` is what results show; `dir` is where it is. */
  readonly adapter: { readonly path: string; readonly dir: string; readonly sha256: string } | null;
  readonly suites: readonly SuiteRows[];
  /** Null keeps nothing and finds nothing. */
  readonly store: Store | null;
  /** False finds, and evaluates nothing. Default: true. */
  readonly compute?: boolean;
  readonly device: Device;
  readonly threads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  readonly results: Results;
  /** Suites that came from the store. */
  readonly cached: number;
}

/**
 * The generator, and with it the engine, is opened only where a suite is not in the store.
 * @throws {WorkNeeded} where one is not and `compute` is false
 */
export async function evaluateSuites(options: EvaluateOptions): Promise<Evaluation> {
  const { project, base, adapter, suites, store, device } = options;
  const { engineEnvironment } = await import("@gitune/train");
  const environment = engineEnvironment(device);
  const { confidence } = project.config.gate;
  const { seed } = project.config.train;
  const asked = suites.map((item) => ({
    ...item,
    key: evalKey({
      ...item,
      confidence,
      seed,
      adapterSha256: adapter?.sha256 ?? null,
      base,
      environment,
    }),
  }));

  // Under its key and with its checksum right, a stored value is what was put there.
  const found = (await Promise.all(asked.map(({ key }) => store?.getJson(key)))) as readonly (
    | SuiteResult
    | undefined
  )[];
  const missing = asked.filter((_, at) => found[at] === undefined);
  const made = new Map<string, SuiteResult>();
  if (missing.length > 0 && options.compute === false) throw new WorkNeeded("a suite's result");
  if (missing.length > 0) {
    const [{ createGenerator }, { runSuite }] = await Promise.all([import("@gitune/train"), import("@gitune/eval")]);
    const generator = await createGenerator({
      base,
      adapter: adapter?.dir ?? null,
      device,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
    try {
      for (const { suite, rows, key } of missing) {
        const result = await runSuite({
          suite,
          rows,
          generate: generator.generate,
          dataSha256: suiteSha256(rows),
          confidence,
          seed,
          ...(options.onProgress ? { onProgress: options.onProgress } : {}),
          ...(options.signal ? { signal: options.signal } : {}),
        });
        // Whatever a stopped generation gave back is no result.
        options.signal?.throwIfAborted();
        await store?.putJson(key, result);
        made.set(key, result);
      }
    } finally {
      await generator.close();
    }
  }
  const results: Results = {
    version: 1,
    project: project.config.name,
    base: { id: base.id, revision: base.revision, sha256: base.sha256 },
    adapter: adapter && { path: adapter.path, sha256: adapter.sha256 },
    template_sha256: base.templateSha256,
    environment,
    suites: asked.flatMap(({ key }, at) => found[at] ?? made.get(key) ?? []),
  };
  return { results, cached: asked.length - missing.length };
}
