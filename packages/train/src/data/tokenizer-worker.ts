/** A thread that tokenizes contents by the tokenizer it was given. */
import { parentPort, workerData } from "node:worker_threads";
import { GituneError, InternalError, type Issue, type RowContent } from "@gitune/core";
import { createTokenizer, type TokenizerFiles } from "../tokenizer/tokenizer.js";
import { type TokenizedRow, tokenizeContent } from "./encode-row.js";

export interface ToTokenizer {
  readonly id: number;
  readonly contents: readonly RowContent[];
}

/** In the order of the contents; or what was thrown. */
export type FromTokenizer =
  | { readonly id: number; readonly rows: readonly (TokenizedRow | Issue)[] }
  | { readonly id: number; readonly issues: readonly Issue[] | null; readonly message: string };

const port = parentPort;
if (!port) throw new InternalError("data/tokenizer-worker.js runs as a worker thread only");
const tokenizer = createTokenizer(workerData as TokenizerFiles);

port.on("message", async ({ id, contents }: ToTokenizer) => {
  const send = (message: FromTokenizer) => port.postMessage(message);
  try {
    const loaded = await tokenizer;
    send({ id, rows: contents.map((content) => tokenizeContent(content, loaded)) });
  } catch (error) {
    send({ id, issues: error instanceof GituneError ? error.issues : null, message: String(error) });
  }
});
