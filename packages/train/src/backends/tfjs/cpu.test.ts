import { testParity } from "../../testing/backend-parity.js";
import { testTfjsTraining } from "../../testing/tfjs-training.js";
import { tfjsBackend } from "./session.js";

const backend = tfjsBackend({ runtime: "tfjs-cpu", threads: 1 });
testParity(backend, "tfjs");
testTfjsTraining(backend);
