import assert from "node:assert/strict";
import { test } from "node:test";
import { GituneError } from "@gitune/core";
import { deviceClass, engineSettings } from "./device.js";
import { machineWith } from "./testing/fake-machine.js";

const bare = machineWith();

test("results of one device class are interchangeable; auto is the CPU", async () => {
  assert.equal(deviceClass("auto"), deviceClass("cpu"));
  assert.deepEqual(await engineSettings("auto", 2), { backend: "onnx", threads: 2, providers: ["cpu"] });
});

test("no two engines share a class", () => {
  const machine = machineWith({
    packages: ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"],
    files: [
      "/proc/driver/nvidia/version",
      "/modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node",
      "/modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node",
    ],
  });
  const classes = (["cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node"] as const).map((device) =>
    deviceClass(device, machine),
  );
  assert.equal(new Set(classes).size, classes.length);
  const wasm = machineWith({ packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"] });
  const cpu = machineWith({ packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"] });
  assert.deepEqual([deviceClass("tfjs", wasm), deviceClass("tfjs", cpu)], ["tfjs-wasm", "tfjs-cpu"]);
  // The same runtime is the same class, whatever was asked for.
  assert.equal(deviceClass("tfjs", machine), deviceClass("tfjs-node-gpu", machine));
});

test("a device that is not there is refused with the command that adds it, never replaced", async () => {
  for (const device of ["cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node", "tfjs"] as const) {
    await assert.rejects(
      engineSettings(device, 1, bare),
      (error) => {
        assert.ok(error instanceof GituneError);
        assert.equal(error.exitCode, 3);
        assert.equal(error.issues[0]?.code, "device.unavailable");
        assert.match(error.issues[0]?.fix ?? "", /npm install/);
        return true;
      },
      device,
    );
  }
});
