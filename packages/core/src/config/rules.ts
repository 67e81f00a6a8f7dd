/** What a schema cannot say about a config: a list of pure functions, each from a config to what is wrong with it. */

import { joinInside, pathProblem } from "../io/paths.js";
import type { IssueCode } from "../issue-codes.js";
import { didYouMean } from "../nearest.js";
import { toPointer } from "../pointer.js";
import type { Finding } from "../schema/explain.js";
import type { Config, GateRule } from "./config.js";
import { isHubId } from "./hub-id.js";
import { refreshRule } from "./refresh-rules.js";
import { takesValidationLoss, VALIDATION_SPLIT } from "./validation-split.js";

/** @param dir the project's folder, relative to the repository's root */
export type ConfigRule = (config: Config, dir: string) => Finding[];

const microBatchDivides: ConfigRule = ({ train }) => {
  const { batchSize, microBatchSize } = train;
  if (batchSize % microBatchSize === 0) return [];
  const divisors = Array.from({ length: Math.min(batchSize, 1024) }, (_, index) => index + 1).filter(
    (n) => batchSize % n === 0,
  );
  return [
    {
      code: "config.micro-batch",
      pointer: "/train/micro_batch_size",
      message: `micro_batch_size ${microBatchSize} does not divide batch_size ${batchSize}`,
      expected: `one of ${divisors.join(", ")}`,
      found: String(microBatchSize),
    },
  ];
};

/** `./`, `../`, an absolute path or `.gguf` can only be a local base. */
function isPlainlyLocal(base: string): boolean {
  return /^\.{0,2}\//.test(base) || base.endsWith(".gguf") || base.split("/").length > 2;
}

const baseAndRevision: ConfigRule = ({ train }, dir) => {
  const { base, revision } = train;
  const pointer = "/train/base";
  const problem = pathProblem(base);
  if (problem)
    return [{ code: "config.path", pointer, message: `the base ${JSON.stringify(base)} ${problem}`, found: base }];
  if (joinInside(base.startsWith(".") ? dir : "", base) === null) return [leaves(pointer, "the base", base)];
  if (revision !== null && isPlainlyLocal(base)) {
    const message = `${JSON.stringify(base)} is a path, and only bases from the Hub have a revision`;
    return [
      {
        code: "config.revision",
        pointer: "/train/revision",
        message,
        fix: "remove revision: a local base is pinned by its content",
      },
    ];
  }
  if (revision !== null && !isHubId(base)) {
    const message = `${JSON.stringify(base)} has a revision, but is no id of a model on the Hub`;
    return [{ code: "config.base", pointer, message, expected: "<owner>/<name>", found: base }];
  }
  return [];
};

const publishedBase: ConfigRule = ({ train, publish }) => {
  if (publish === null || (publish.base === null && publish.revision === null)) return [];
  const finding = (pointer: string, message: string, fix: string): Finding[] => [
    { code: "config.revision", pointer, message, fix },
  ];
  if (train.revision !== null) {
    return finding("/publish/base", "the base comes from the Hub already", "remove base and revision below publish");
  }
  if (publish.base !== null && publish.revision !== null) return [];
  return finding("/publish", "base and revision below publish belong together", "write both, or neither");
};

const dataPaths: ConfigRule = ({ data, evals }, dir) => {
  const findings: Finding[] = [];
  const check = (pointer: string, what: string, path: string, isInProject: boolean): void => {
    const problem = pathProblem(path);
    if (problem) {
      findings.push({
        code: "config.path",
        pointer,
        message: `${what} ${JSON.stringify(path)} ${problem}`,
        found: path,
      });
    } else if (joinInside(dir, path) === null) {
      findings.push(leaves(pointer, what, path));
    } else if (isInProject && (joinInside("", path) === null || path.split("/").includes(".."))) {
      const message = `${what} ${JSON.stringify(path)} leaves the project's folder`;
      findings.push({
        code: "config.path",
        pointer,
        message,
        found: path,
        fix: "keep a project's rows below its gitune.yaml",
      });
    }
  };
  for (const [split, globs] of Object.entries(data.splits)) {
    for (const [index, glob] of globs.entries()) {
      const tokens = globs.length === 1 ? [split] : [split, index];
      check(toPointer(["data", "splits", ...tokens]), `the glob of split ${split},`, glob, true);
    }
  }
  if (data.schema !== null) check("/data/schema", "the schema", data.schema, false);
  for (const [index, suite] of evals.entries())
    check(`/evals/${index}/data`, `the data of suite ${suite.name},`, suite.data, false);
  return findings;
};

function leaves(pointer: string, what: string, path: string): Finding {
  return {
    code: "config.path",
    pointer,
    message: `${what} ${JSON.stringify(path)} leaves the repository`,
    found: path,
  };
}

const uniqueSuites: ConfigRule = ({ evals }) =>
  evals.flatMap(({ name }, index) =>
    evals.findIndex((other) => other.name === name) === index
      ? []
      : [
          {
            code: "config.duplicate-name",
            pointer: `/evals/${index}/name`,
            message: `two suites are named ${JSON.stringify(name)}`,
            found: name,
          },
        ],
  );

const gateRulesMatch: ConfigRule = ({ gate, evals }) =>
  gate.rules.flatMap((rule, index) => {
    const pointer = `/gate/rules/${index}`;
    const suite = evals.find(({ name }) => name === rule.suite);
    if (!suite) {
      const names = evals.map(({ name }) => name);
      return [
        unknownName("config.unknown-suite", `${pointer}/suite`, "there is no suite", rule.suite, names),
        ...limitsOf(rule, pointer),
      ];
    }
    const metric = suite.metrics.includes(rule.metric)
      ? []
      : [
          unknownName(
            "config.unknown-metric",
            `${pointer}/metric`,
            `suite ${rule.suite} has no metric`,
            rule.metric,
            suite.metrics,
          ),
        ];
    return [...metric, ...limitsOf(rule, pointer)];
  });

function unknownName(code: IssueCode, pointer: string, what: string, name: string, known: readonly string[]): Finding {
  const near = didYouMean(name, known);
  return {
    code,
    pointer,
    message: `${what} ${JSON.stringify(name)}`,
    expected: known.length > 0 ? `one of ${known.join(", ")}` : "a suite below evals",
    found: name,
    ...(near === undefined ? {} : { fix: near }),
  };
}

function limitsOf(rule: GateRule, pointer: string): Finding[] {
  const written = [
    ...(rule.maxRegression === null ? [] : ["max_regression"]),
    ...(rule.min === null ? [] : ["min"]),
    ...(rule.max === null ? [] : ["max"]),
  ];
  if (written.length === 1) return [];
  const expected = "exactly one of max_regression, min and max";
  const found = written.length === 0 ? "none" : written.join(" and ");
  return [
    { code: "config.gate-rule", pointer, message: `a gate rule has ${expected}; found ${found}`, expected, found },
  ];
}

const mixIsComing: ConfigRule = ({ data }) =>
  data.mix.length === 0
    ? []
    : [
        {
          code: "config.unsupported",
          pointer: "/data/mix",
          message: "mixing in other projects' rows is not supported by this version",
          fix: "remove mix, or copy the rows",
        },
      ];

/** Contamination is looked for in what is trained, so a config needs a split to train. */
const hasTrainSplit: ConfigRule = ({ data }) =>
  Object.hasOwn(data.splits, "train")
    ? []
    : [
        {
          code: "config.no-train-split",
          pointer: "/data/splits",
          message: "there is no split named train",
          expected: "the key train",
          found: Object.keys(data.splits).join(", "),
          ...(didYouMean("train", Object.keys(data.splits))
            ? { fix: "rename the split that is trained on to train" }
            : {}),
        },
      ];

/** What asks for validation losses must get some. */
const validationIsThere: ConfigRule = (config) => {
  const { earlyStopping, loadBestModelAtEnd } = config.train;
  if (takesValidationLoss(config) || (earlyStopping === null && !loadBestModelAtEnd)) return [];
  const key = earlyStopping === null ? "load_best_model_at_end" : "early_stopping";
  const hasSplit = Object.hasOwn(config.data.splits, VALIDATION_SPLIT);
  const lack = hasSplit ? "eval_steps is 0" : `there is no split named ${VALIDATION_SPLIT}`;
  return [
    {
      code: "config.validation",
      pointer: `/train/${key}`,
      message: `${key} needs validation losses, and ${lack}`,
      fix: hasSplit ? "remove eval_steps, or set it above 0" : `name the files of data.splits.${VALIDATION_SPLIT}`,
    },
  ];
};

/** All of them, in the order in which their findings are reported. */
export const CONFIG_RULES: readonly ConfigRule[] = [
  dataPaths,
  hasTrainSplit,
  mixIsComing,
  baseAndRevision,
  publishedBase,
  microBatchDivides,
  validationIsThere,
  uniqueSuites,
  gateRulesMatch,
  refreshRule,
];
