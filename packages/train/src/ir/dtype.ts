/** Element types of the graph. `bf16` and `f16` are storage types of checkpoints; arithmetic is f32, or int8 products. */
export type DType = "f32" | "i64" | "u8" | "i8" | "bf16" | "f16";

export const DTYPE_BYTES: { readonly [K in DType]: number } = { f32: 4, i64: 8, u8: 1, i8: 1, bf16: 2, f16: 2 };
