/** Public names of @gitune/action, one by one. */
export { commentStep } from "./comment.js";
export type { ActionResult, ActionVerdict } from "./result.js";
export { runStep } from "./run.js";
