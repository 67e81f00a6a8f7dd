/**
 * The subpath `@gitune/train/tokenizer`: bases and their tokenizers, without the engine. Validation counts tokens
 * with it and must not load ONNX Runtime.
 */
export { type Base, type BaseSnapshot, countTokens, type OpenBaseOptions, openBase, weightsCache } from "./base.js";
export { markPieces, type PreviewPiece, previewRow, type RowPreview } from "./data/preview-row.js";
export { type BaseTokenizer, loadTokenizer } from "./tokenizer/tokenizer.js";
export { readShardNames } from "./weights/safetensors.js";
