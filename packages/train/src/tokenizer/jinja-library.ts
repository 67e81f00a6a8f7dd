/** The parts of `@huggingface/jinja` in use, typed here: the package's own types do not resolve under `nodenext`. */
import * as library from "@huggingface/jinja";

/** A parsed template, opaque to us. */
export interface JinjaProgram {
  readonly type: string;
}
/** A value while a template runs. */
export interface JinjaValue {
  readonly value: unknown;
}
/** The variables of a scope. */
export interface JinjaEnvironment {
  set(name: string, value: unknown): JinjaValue;
}
/** Walks a program; `evaluate` is called once for each statement and expression that runs. */
export interface JinjaInterpreter {
  run(program: JinjaProgram): JinjaValue;
  evaluate(statement: unknown, environment: JinjaEnvironment): JinjaValue;
}

interface JinjaLibrary {
  readonly Environment: new () => JinjaEnvironment;
  readonly Interpreter: new (environment: JinjaEnvironment) => JinjaInterpreter;
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): unknown;
  parse(tokens: unknown): JinjaProgram;
}

export const { Environment, Interpreter, tokenize, parse } = library as unknown as JinjaLibrary;
