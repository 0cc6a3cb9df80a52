// What ends the command other than well: its message, and the exit code that scripts see.

/** Exit codes; --help tells them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, input: 3, answer: 4, interrupted: 130 } as const;

/** A mistake that the command line itself finds. */
export class Failure extends Error {
  constructor(
    /** Stable, as the codes of WasmformerError are. */
    readonly code: 'USAGE' | 'NO_INPUT' | 'NOT_TEXT' | 'INVALID_INPUT' | 'NO_MODELS',
    message: string,
    /** Where the input is to blame, how it is named: "line 3". */
    readonly where: string | null = null,
  ) {
    super(message);
  }
}

/** An error of the library that one text caused. */
export class TextError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const INPUT_CODES: readonly string[] = ['NO_INPUT', 'NOT_TEXT', 'INVALID_INPUT', 'TOO_LONG'];
const USAGE_CODES: readonly string[] = ['USAGE', 'INVALID_ARGUMENT'];

/** Code and message of an error that is meant for the user; null: a bug. Told by their shape, since the library may not be loaded. */
export function userError(error: unknown): { code: string; message: string } | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof Failure)
    return { code: error.code, message: error.where === null ? error.message : `${error.where}: ${error.message}` };
  if (error instanceof TextError) return error;
  const { code, name, message } = error as Error & { code?: unknown };
  return typeof code === 'string' && (name === 'WasmformerError' || name === 'AbortError') ? { code, message } : null;
}

/** The exit code of an error. */
export function exitOf(error: unknown): number {
  if (error instanceof TextError) return EXIT.input;
  const code = userError(error)?.code;
  if (code === undefined) return EXIT.failed;
  if (code === 'ABORTED') return EXIT.interrupted;
  if (USAGE_CODES.includes(code)) return EXIT.usage;
  return INPUT_CODES.includes(code) ? EXIT.input : EXIT.failed;
}
