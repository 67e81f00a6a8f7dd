/** Calls into what other people wrote as data, such as a schema or a pattern, which may not end. */
import { createContext, Script } from "node:vm";

/** Honest data takes microseconds to milliseconds. */
export const MAX_CALL_MS = 5000;
/** A call that the machine did not let run is tried again, since the watch counts time, not work; so often at the most. */
const MAX_TRIES = 10;

/**
 * The same function, stopped where a call does not end. V8 looks at the timeout inside of a regular expression, too, which
 * nothing else can stop in its own thread. The watch itself takes longer than most calls, so it is for those that need one.
 * @param call may be called again where the machine was too busy to run it
 * @param tooSlow the error of a call that takes more than 5 s
 */
export function boundCall<A extends readonly unknown[], R>(
  call: (...args: A) => R,
  tooSlow: (cause: unknown) => Error,
): (...args: A) => R {
  const context = createContext({ call: () => undefined });
  const script = new Script("call()");
  return (...args) => {
    context["call"] = () => call(...args);
    for (let tries = 1; ; tries += 1) {
      const before = process.cpuUsage();
      try {
        return script.runInContext(context, { timeout: MAX_CALL_MS }) as R;
      } catch (error) {
        // An Error of the context, so not one of this realm's.
        if ((error as { code?: unknown } | null)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
        if (tries === MAX_TRIES || didWork(before)) throw tooSlow(error);
      }
    }
  };
}

/** Whether this process has computed for most of the time that a call may take. */
function didWork(before: NodeJS.CpuUsage): boolean {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 > MAX_CALL_MS / 2;
}
