// Results and errors as they cross between a caller and the engine's worker: as data, since Comlink would lose an error's class and
// code.
import { WasmformerError, type WasmformerErrorCode } from '../errors';

/** An error as data. */
interface WireError {
  readonly code: WasmformerErrorCode | null;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** A result or an error. */
export type Reply<T> = { readonly value: T } | { readonly error: WireError };

/** Runs a task and packs what comes of it. */
export async function reply<T>(task: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    return { error: { code: error instanceof WasmformerError ? error.code : null, name, message, stack } };
  }
}

/** The value of a reply, or its error thrown. */
export function unwrap<T>(result: Reply<T>): T {
  if ('value' in result) return result.value;
  const { code, name, message, stack } = result.error;
  const error = code ? new WasmformerError(code, message, { name }) : new Error(message);
  if (stack) error.stack = stack;
  throw error;
}
