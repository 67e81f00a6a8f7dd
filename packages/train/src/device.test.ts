import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { GituneError } from "@gitune/core";
import { deviceClass, probeDevices, providersOf } from "./device.js";

test("the CPU is always there; a GPU is only where its driver is, and else comes with the way to get it", async () => {
  const reports = await probeDevices();
  assert.deepEqual(
    reports.map(({ device }) => device),
    ["cpu", "cuda", "webgpu", "tfjs-node-gpu"],
  );
  const [cpu, cuda] = reports;
  assert.equal(cpu!.available, true);
  if (process.platform === "linux" && !existsSync("/proc/driver/nvidia/version")) {
    assert.equal(cuda!.available, false);
    assert.match(cuda!.fix ?? "", /driver/);
  }
});

test("results of one device class are interchangeable; auto is the CPU", () => {
  assert.equal(deviceClass("auto"), deviceClass("cpu"));
  assert.notEqual(deviceClass("cuda"), deviceClass("cpu"));
});

test("a device that is not driven yet is refused, not replaced", () => {
  assert.throws(
    () => providersOf("tfjs"),
    (error) => error instanceof GituneError && error.exitCode === 2 && error.issues[0]?.code === "device.unavailable",
  );
});
