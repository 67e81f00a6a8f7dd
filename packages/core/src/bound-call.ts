/** Calls into what other people wrote as data, such as a schema or a pattern, which may not end. */
import { createContext, Script } from "node:vm";

/** Honest data takes microseconds to milliseconds. */
export const MAX_CALL_MS = 5000;

/**
 * The same function, stopped where a call does not end. V8 looks at the timeout inside of a regular expression, too, which
 * nothing else can stop in its own thread. The watch itself takes longer than most calls, so it is for those that need one.
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
    try {
      return script.runInContext(context, { timeout: MAX_CALL_MS }) as R;
    } catch (error) {
      // An Error of the context, so not one of this realm's.
      if ((error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw tooSlow(error);
      throw error;
    }
  };
}
