import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Device } from "@gitune/core";
import type { Machine } from "./machine.js";
import { probeDevices } from "./probe-devices.js";
import { machineWith } from "./testing/fake-machine.js";

const DRIVER = "/proc/driver/nvidia/version";
const CUDA_FILE = "/modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so";
const LDD = `
	libcudart.so.13 => /usr/local/cuda/lib64/libcudart.so.13 (0x00007f)
	libcublas.so.13 => not found
`;
const NVIDIA_SMI = "NVIDIA A100-SXM4-40GB, 535.161.08, 40960, 11403\nNVIDIA A100-SXM4-40GB, 535.161.08, 40960, 40339\n";
const GPU = "@tensorflow/tfjs-node-gpu";
const addon = (name: string) => `/modules/${name}/lib/napi-v8/tfjs_binding.node`;
const ort = ["onnxruntime-node"];

/** What is on the machine, and what `doctor` says of one device. */
const CASES: readonly {
  readonly title: string;
  readonly machine: Machine;
  readonly device: Device;
  readonly detail: RegExp;
  /** Null: the device is there. */
  readonly fix: RegExp | null;
}[] = [
  {
    title: "the runtime's package is absent",
    machine: machineWith(),
    device: "cpu",
    detail: /onnxruntime-node is not installed/,
    fix: /^ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1\.30\.0$/,
  },
  {
    title: "the runtime's package is there",
    machine: machineWith({ packages: ort }),
    device: "cpu",
    detail: /threads/,
    fix: null,
  },
  {
    title: "a platform without the runtime's files",
    machine: machineWith({ packages: ort, platform: "freebsd" }),
    device: "cpu",
    detail: /no cpu for freebsd x64/,
    fix: /another device/,
  },
  {
    title: "no CUDA outside of Linux x64",
    machine: machineWith({ packages: ort, platform: "darwin", arch: "arm64" }),
    device: "cuda",
    detail: /no cuda for darwin arm64/,
    fix: /another device/,
  },
  {
    title: "no driver",
    machine: machineWith({ packages: ort }),
    device: "cuda",
    detail: /no driver/,
    fix: /NVIDIA's driver/,
  },
  {
    title: "a driver, without ONNX Runtime's CUDA files",
    machine: machineWith({ packages: ort, files: [DRIVER] }),
    device: "cuda",
    detail: /libonnxruntime_providers_cuda\.so is not installed/,
    fix: /^ONNXRUNTIME_NODE_INSTALL=cuda12 node \/modules\/onnxruntime-node\/script\/install\.js$/,
  },
  {
    title: "a library of CUDA is absent",
    machine: machineWith({ packages: ort, files: [DRIVER, CUDA_FILE], programs: { ldd: LDD } }),
    device: "cuda",
    detail: /^not found: libcublas\.so\.13$/,
    fix: /^apt-get install cuda-libraries-13-0 cudnn9-cuda-13 /,
  },
  {
    title: "all of it, with the GPU's name",
    machine: machineWith({
      packages: ort,
      files: [DRIVER, CUDA_FILE],
      programs: { "nvidia-smi": NVIDIA_SMI },
    }),
    device: "cuda",
    detail: /^NVIDIA A100-SXM4-40GB, driver 535\.161\.08; not yet run/,
    fix: null,
  },
  {
    title: "all of it, nvidia-smi broken",
    machine: machineWith({
      packages: ort,
      files: [DRIVER, CUDA_FILE],
      programs: { "nvidia-smi": "Failed to initialize NVML: Driver/library version mismatch\n" },
    }),
    device: "cuda",
    detail: /^nvidia-smi does not say/,
    fix: /restart after an update of the driver/,
  },
  {
    title: "a driver from before CUDA 12",
    machine: machineWith({
      packages: ort,
      files: [DRIVER, CUDA_FILE],
      programs: { "nvidia-smi": "Tesla T4, 470.256.02, 15360, 15101\n" },
    }),
    device: "cuda",
    detail: /^Tesla T4: its driver 470\.256\.02 is older than 525$/,
    fix: /525 or later/,
  },
  {
    title: "no Vulkan driver",
    machine: machineWith({ packages: ort }),
    device: "webgpu",
    detail: /renderD128/,
    fix: /Vulkan/,
  },
  {
    title: "a Vulkan driver",
    machine: machineWith({ packages: ort, files: ["/dev/dri/renderD128"] }),
    device: "webgpu",
    detail: /not yet run/,
    fix: null,
  },
  {
    title: "the driver that macOS has",
    machine: machineWith({ packages: ort, platform: "darwin", arch: "arm64" }),
    device: "webgpu",
    detail: /not yet run/,
    fix: null,
  },
  {
    title: "no package",
    machine: machineWith(),
    device: "tfjs-node-gpu",
    detail: /tfjs-node-gpu is not installed/,
    fix: /^npm install @tensorflow\/tfjs-node-gpu@4\.22\.0 --ignore-scripts=false$/,
  },
  {
    title: "a package whose install script did not run",
    machine: machineWith({ packages: [GPU], files: [DRIVER] }),
    device: "tfjs-node-gpu",
    detail: /no addon/,
    fix: /^npm rebuild @tensorflow\/tfjs-node-gpu --ignore-scripts=false$/,
  },
  {
    title: "an addon without a driver",
    machine: machineWith({ packages: [GPU], files: [addon(GPU)] }),
    device: "tfjs-node-gpu",
    detail: /no NVIDIA driver/,
    fix: /CUDA 11\.2/,
  },
  {
    title: "addon, driver and GPU",
    machine: machineWith({
      packages: [GPU],
      files: [addon(GPU), DRIVER],
      programs: { "nvidia-smi": NVIDIA_SMI },
    }),
    device: "tfjs-node-gpu",
    detail: /A100/,
    fix: null,
  },
  {
    title: "an addon",
    machine: machineWith({ packages: ["@tensorflow/tfjs-node"], files: [addon("@tensorflow/tfjs-node")] }),
    device: "tfjs-node",
    detail: /on tfjs-node$/,
    fix: null,
  },
  {
    title: "nothing",
    machine: machineWith(),
    device: "tfjs",
    detail: /tfjs-core and @tensorflow\/tfjs-backend-wasm are not installed/,
    fix: /^npm install @tensorflow\/tfjs-core@4\.22\.0 @tensorflow\/tfjs-backend-wasm@4\.22\.0$/,
  },
  {
    title: "the native packages without their addons do not count",
    machine: machineWith({
      packages: [GPU, "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu", "@tensorflow/tfjs-backend-wasm"],
      files: [DRIVER],
    }),
    device: "tfjs",
    detail: /on tfjs-wasm$/,
    fix: null,
  },
  {
    title: "without wasm",
    machine: machineWith({ packages: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"] }),
    device: "tfjs",
    detail: /on tfjs-cpu$/,
    fix: null,
  },
];

describe("doctor's devices", () => {
  for (const { title, machine, device, detail, fix } of CASES) {
    test(`${device}: ${title}`, async () => {
      const report = (await probeDevices(machine)).find((one) => one.device === device);
      assert.ok(report);
      assert.equal(report.available, fix === null);
      assert.match(report.detail, detail);
      if (fix) assert.match(report.fix ?? "", fix);
      else assert.equal(report.fix, undefined);
    });
  }

  test("a GPU's memory is what its tool says", async () => {
    const machine = machineWith({
      packages: ort,
      files: [DRIVER, CUDA_FILE],
      programs: { "nvidia-smi": NVIDIA_SMI },
    });
    const cuda = (await probeDevices(machine)).find(({ device }) => device === "cuda");
    assert.deepEqual([cuda?.memoryBytes, cuda?.freeMemoryBytes], [40 * 1024 ** 3, 11_403 * 1024 ** 2]);
  });

  test("a GPU that shares the machine's memory has none of its own", async () => {
    const answer = "NVIDIA GB10, 580.95.05, [N/A], [N/A]\n";
    const machine = machineWith({ packages: ort, files: [DRIVER, CUDA_FILE], programs: { "nvidia-smi": answer } });
    const cuda = (await probeDevices(machine)).find(({ device }) => device === "cuda");
    assert.deepEqual([cuda?.available, cuda?.memoryBytes, cuda?.freeMemoryBytes], [true, undefined, undefined]);
  });

  test("of several GPUs that one is looked at which CUDA takes", async () => {
    const asked: (readonly string[])[] = [];
    for (const visible of ["1,0", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "all", ""]) {
      const machine = machineWith({
        packages: ort,
        files: [DRIVER, CUDA_FILE],
        env: { CUDA_VISIBLE_DEVICES: visible },
      });
      const ask = async (program: string, args: readonly string[]) => {
        if (program === "nvidia-smi") asked.push(args.filter((arg) => arg.startsWith("--id")));
        return null;
      };
      await probeDevices({ ...machine, ask });
    }
    assert.deepEqual(asked, [["--id=1"], ["--id=GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"], [], []]);
  });

  test("every device is looked at, on this machine too", async () => {
    const reports = await probeDevices();
    assert.deepEqual(
      reports.map(({ device }) => device),
      ["cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node", "tfjs"],
    );
    assert.equal(reports[0]?.available, true);
    for (const { available, fix } of reports) assert.equal(fix === undefined, available);
  });
});
