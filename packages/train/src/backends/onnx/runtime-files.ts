/** What ONNX Runtime needs on a machine for each device, and how to get it. Nothing is loaded here. */
import { join } from "node:path";
import { type Machine, type Missing, thisMachine } from "../../machine.js";

export type OnnxDevice = "cpu" | "cuda" | "webgpu";

/** Execution providers, first choice first: the CPU takes the ops that a GPU has no kernel for. */
export const PROVIDERS: { readonly [K in OnnxDevice]: readonly string[] } = {
  cpu: ["cpu"],
  cuda: ["cuda", "cpu"],
  webgpu: ["webgpu", "cpu"],
};

interface DeviceNeeds {
  /** `platform-architecture` for which the package has this device (the table of its README). */
  readonly platforms: readonly string[];
  /** A file that the package's install script adds to it, where that is told to. */
  readonly file?: { readonly name: string; readonly install: Readonly<Record<string, string>> };
  /** A path that is there when the hardware's driver is, by platform; the others have drivers built in. */
  readonly driver?: { readonly linux: string; readonly fix: string };
}

const NEEDS: { readonly [K in OnnxDevice]: DeviceNeeds } = {
  cpu: { platforms: ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"] },
  cuda: {
    platforms: ["linux-x64"],
    file: {
      name: "libonnxruntime_providers_cuda.so",
      install: { ONNXRUNTIME_NODE_INSTALL: "cuda12" },
    },
    driver: {
      linux: "/proc/driver/nvidia/version",
      fix: "install NVIDIA's driver (525 or later, for CUDA 12), then run gitune doctor again",
    },
  },
  webgpu: {
    platforms: ["linux-x64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"],
    driver: { linux: "/dev/dri/renderD128", fix: "install a GPU driver with Vulkan" },
  },
};

/** Packages of NVIDIA's archive for Debian and Ubuntu, by CUDA's major version. */
const CUDA_PACKAGES: Readonly<Record<string, string>> = {
  "12": "cuda-libraries-12-9 cudnn9-cuda-12",
  "13": "cuda-libraries-13-0 cudnn9-cuda-13",
};

/** What a device lacks here; null where nothing is missing. */
export async function missingOf(device: OnnxDevice, machine: Machine): Promise<Missing | null> {
  const folder = machine.packageFolder("onnxruntime-node");
  if (folder === null) {
    return {
      detail: "onnxruntime-node is not installed",
      fix: "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0",
    };
  }
  const { platforms, driver, file } = NEEDS[device];
  const { platform, arch } = machine;
  if (!platforms.includes(`${platform}-${arch}`)) {
    return { detail: `ONNX Runtime has no ${device} for ${platform} ${arch}`, fix: "use another device" };
  }
  if (driver && platform === "linux" && !machine.exists(driver.linux))
    return { detail: `no driver: ${driver.linux} is not there`, fix: driver.fix };
  if (!file) return null;
  const path = nativeFile(folder, file.name, machine);
  if (path !== null) return missingLibraries(path, machine);
  const variables = Object.entries(file.install).map(([name, value]) => `${name}=${value}`);
  return {
    detail: `ONNX Runtime's ${file.name} is not installed`,
    fix: [...variables, "node", quoted(installScript(folder))].join(" "),
  };
}

/** How the files of a device get into a folder of onnxruntime-node, which has them not. */
export interface Installation {
  /** Absolute path of the script that Node runs. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Path of the file that matters; null where it is not there. */
  readonly find: () => string | null;
}

/** Whether the driver of CUDA is here: then its files are worth their download. */
export function hasCudaDriver(machine: Machine = thisMachine): boolean {
  const { platforms, driver } = NEEDS.cuda;
  return platforms.includes(`${machine.platform}-${machine.arch}`) && machine.exists(driver?.linux ?? "");
}

/** @param folder that of onnxruntime-node */
export function cudaInstallation(folder: string, machine: Machine = thisMachine): Installation {
  const { name = "", install = {} } = NEEDS.cuda.file ?? {};
  return { script: installScript(folder), env: install, find: () => nativeFile(folder, name, machine) };
}

/** Called by itself: `npm rebuild` does nothing, and says that it has, where `allowScripts` of package.json does not name the package. */
function installScript(folder: string): string {
  return join(folder, "script", "install.js");
}

/** For a shell. */
function quoted(path: string): string {
  return /^[\w@%+:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/**
 * CUDA's own libraries: which versions are needed depends on the provider's build, so the dynamic linker is asked.
 * @returns null where it finds all, or cannot be asked
 */
async function missingLibraries(path: string, machine: Machine): Promise<Missing | null> {
  const answer = await machine.ask("ldd", [path]);
  const names = answer ? [...answer.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name) : [];
  if (names.length === 0) return null;
  const major = names.find((name) => /^lib(cudart|cublas)/.test(name ?? ""))?.split(".so.")[1] ?? "";
  return {
    detail: `not found: ${names.join(", ")}`,
    fix: `apt-get install ${CUDA_PACKAGES[major] ?? CUDA_PACKAGES["12"]} (NVIDIA's archive), or put their folders on LD_LIBRARY_PATH`,
  };
}

/** The package keeps its native files by platform: bin/napi-v6/linux/x64. */
function nativeFile(folder: string, name: string, { platform, arch, list, exists }: Machine): string | null {
  const bin = join(folder, "bin");
  const paths = list(bin).map((version) => join(bin, version, platform, arch, name));
  return paths.find((path) => exists(path)) ?? null;
}
