/** Element types of the graph. `bf16` and `f16` are storage types of checkpoints, `u8` of inputs; arithmetic is f32. */
export type DType = "f32" | "i64" | "u8" | "bf16" | "f16";

export const DTYPE_BYTES: { readonly [K in DType]: number } = { f32: 4, i64: 8, u8: 1, bf16: 2, f16: 2 };
