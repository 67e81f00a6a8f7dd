/** What people write in `gitune.yaml` (contracts.md §1): snake_case, and all optional but the name, the data and the base. */
import type { CheckLevel, DataFormat, Device, Overflow, Reporter, Schedule } from "./config.js";
import type { WrittenRefresh } from "./refresh.js";

export type WrittenCheck =
  | CheckLevel
  | { readonly level: CheckLevel; readonly [option: string]: string | number | boolean | readonly string[] };

export interface WrittenData {
  readonly format: DataFormat;
  readonly columns?: Readonly<Record<string, string>>;
  readonly schema?: string;
  readonly id?: string;
  readonly splits: Readonly<Record<string, string | readonly string[]>>;
  readonly mix?: readonly { readonly project: string; readonly weight: number }[];
}

export type WrittenTechnique =
  | {
      readonly type: "lora";
      readonly r?: number;
      readonly alpha?: number;
      readonly dropout?: number;
      readonly targets?: readonly string[] | "all-linear";
      readonly rslora?: boolean;
    }
  | { readonly type: "full" };

export interface WrittenTrain {
  readonly base: string;
  readonly revision?: string;
  readonly engine?: "native" | "peft";
  readonly compute?: "f32" | "int8";
  readonly mmap?: boolean;
  readonly device?: Device;
  readonly technique?: WrittenTechnique;
  readonly epochs?: number;
  readonly max_steps?: number;
  readonly batch_size?: number;
  readonly micro_batch_size?: number;
  readonly max_length?: number;
  readonly overflow?: Overflow;
  readonly packing?: boolean;
  readonly learning_rate?: number;
  readonly schedule?: Schedule;
  readonly warmup_ratio?: number;
  readonly weight_decay?: number;
  readonly max_grad_norm?: number;
  readonly adam_beta1?: number;
  readonly adam_beta2?: number;
  readonly adam_epsilon?: number;
  readonly seed?: number;
  readonly checkpoint_steps?: number;
  readonly eval_steps?: number;
  readonly early_stopping?: { readonly patience?: number; readonly min_delta?: number };
  readonly load_best_model_at_end?: boolean;
  readonly loss_spike_factor?: number;
  readonly report_to?: readonly Reporter[];
}

export interface WrittenSuite {
  readonly name: string;
  readonly data: string;
  readonly metrics: readonly string[];
  readonly generation?: {
    readonly max_new_tokens?: number;
    readonly temperature?: number;
    readonly top_p?: number;
    readonly top_k?: number;
    readonly repetition_penalty?: number;
    readonly stop?: string | readonly string[];
  };
}

export interface WrittenGateRule {
  readonly suite: string;
  readonly metric: string;
  readonly slice?: string;
  readonly max_regression?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A `gitune.yaml` as parsed, before defaults. */
export interface WrittenConfig {
  readonly name: string;
  readonly version?: string;
  readonly license?: string;
  readonly language?: string | readonly string[];
  readonly description?: string;
  readonly data: WrittenData;
  readonly checks?: Readonly<Record<string, WrittenCheck>>;
  readonly train: WrittenTrain;
  readonly evals?: readonly WrittenSuite[];
  readonly gate?: {
    readonly confidence?: number;
    readonly inconclusive?: "allow" | "block";
    readonly rules?: readonly WrittenGateRule[];
  };
  readonly publish?: {
    readonly hub: string;
    readonly private?: boolean;
    readonly base?: string;
    readonly revision?: string;
  };
  readonly refresh?: WrittenRefresh;
}
