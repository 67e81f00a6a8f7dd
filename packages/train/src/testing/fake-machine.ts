import type { Machine } from "../machine.js";

interface Parts {
  readonly platform?: NodeJS.Platform;
  readonly arch?: NodeJS.Architecture;
  readonly env?: Readonly<Record<string, string>>;
  /** npm packages; each is a folder below /modules. */
  readonly packages?: readonly string[];
  /** Absolute paths. */
  readonly files?: readonly string[];
  /** What programs print, by name. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** A machine made of the given parts, for tests of what is found on one. Linux x64 where nothing else is said. */
export function machineWith(parts: Parts = {}): Machine {
  const { platform = "linux", arch = "x64", env = {}, packages = [], files = [], programs = {} } = parts;
  return {
    platform,
    arch,
    env,
    exists: (path) => files.includes(path),
    list: (folder) => [
      ...new Set(
        files
          .filter((file) => file.startsWith(`${folder}/`))
          .map((file) => file.slice(folder.length + 1).split("/")[0]!),
      ),
    ],
    packageFolder: (name) => (packages.includes(name) ? `/modules/${name}` : null),
    ask: async (program) => programs[program] ?? null,
  };
}
