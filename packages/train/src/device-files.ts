/** The subpath `@gitune/train/device-files`: what a device needs to be installed, without the engine, which may not be there yet. */
export { cudaInstallation, hasCudaDriver, type Installation } from "./backends/onnx/runtime-files.js";
