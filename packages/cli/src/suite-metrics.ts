/** Whether a project's suites name metrics that there are: core does not know them. */
import { didYouMean, type Issue, type Project } from "@gitune/core";

/** Found before anything is trained, not when the first suite is scored. */
export async function unknownMetrics({ config, configFile }: Project): Promise<readonly Issue[]> {
  if (config.evals.length === 0) return [];
  const { metricNames } = await import("@gitune/eval");
  return config.evals.flatMap(({ name, metrics }, suite) =>
    metrics.flatMap((metric, at): readonly Issue[] => {
      if (metricNames.includes(metric)) return [];
      const near = didYouMean(metric, metricNames);
      return [
        {
          code: "config.unknown-metric",
          severity: "error",
          project: config.name,
          file: configFile,
          pointer: `/evals/${suite}/metrics/${at}`,
          message: `suite ${name} names a metric that there is not: ${JSON.stringify(metric)}`,
          expected: `one of ${metricNames.join(", ")}`,
          found: metric,
          ...(near === undefined ? {} : { fix: near }),
        },
      ];
    }),
  );
}
