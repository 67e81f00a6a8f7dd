/** Entry point of the step that adds CUDA's files to the engine. */
import { addCudaFiles } from "./cuda.js";
import { reportFailure } from "./report-failure.js";

try {
  addCudaFiles();
} catch (error) {
  reportFailure(error);
}
