/** Public names of @gitune/nx, one by one. nx itself calls the first three. */
export { createDependencies, createNodes, createNodesV2, type GituneNxOptions } from "./create-nodes.js";
