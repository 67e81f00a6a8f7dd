import { testParity } from "../../testing/backend-parity.js";
import { onnxBackend } from "./session.js";

testParity(onnxBackend({ threads: 1 }), "onnx");
