// The one error class of the library. Every mistake a user can make ends here, with a stable code.

/** What went wrong, for programs. Stable across releases. */
export type WasmformerErrorCode =
  | 'ABORTED' // an AbortSignal fired, or the model was disposed while the call was running
  | 'INVALID_ARGUMENT' // an option or input of the wrong type or out of range
  | 'INVALID_SHAPE' // shapes that do not fit the op or each other
  | 'INVALID_CONFIG' // config.json says something that no model can be built from
  | 'INVALID_FILE' // a file is truncated, damaged or lies about itself
  | 'INVALID_TOKENIZER' // tokenizer.json cannot be used
  | 'FILE_NOT_FOUND' // the checkpoint lacks a file that is needed
  | 'NETWORK' // a request failed
  | 'WRITE_FAILED' // a file cannot be written: no permission, a full disk
  | 'UNSUPPORTED_MODEL' // no such architecture, activation or option of one
  | 'MISSING_TENSOR' // the checkpoint lacks a tensor, has it in another shape, or has one that the model does not know
  | 'NO_TOKENIZER' // text was given, but the folder has no tokenizer
  | 'NO_HEAD' // the checkpoint has no head for this task
  | 'TOO_LONG' // more tokens than the model has positions for
  | 'OUT_OF_MEMORY' // wasm memory cannot grow any further
  | 'DISPOSED' // the model or engine was disposed
  | 'WORKER_FAILED' // the engine's worker died; the next call starts a new one
  | 'UNSUPPORTED_PLATFORM'; // no WebAssembly SIMD here, or no file system

export interface WasmformerErrorOptions {
  cause?: unknown;
  name?: string;
}

/** Thrown for everything a user can cause or must know. `code` is stable; `message` names the cause and the cure. */
export class WasmformerError extends Error {
  readonly code: WasmformerErrorCode;

  constructor(code: WasmformerErrorCode, message: string, options: WasmformerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.name = options.name ?? 'WasmformerError';
  }
}

/** The error of an aborted call: code `ABORTED`, name `AbortError`, cause the signal's reason. */
export function abortError(reason?: unknown): WasmformerError {
  return new WasmformerError('ABORTED', 'the call was aborted', { cause: reason, name: 'AbortError' });
}

/** Throws INVALID_ARGUMENT if options are no object or have a name that is not known. For calls that give no promise; others say
 *  what was meant (runtime/option-names.ts).
 *  @param where what the message begins with */
export function refuseUnknown(options: unknown, names: readonly string[], where = ''): void {
  const wrong = (message: string): WasmformerError => new WasmformerError('INVALID_ARGUMENT', where + message);
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrong(`the options are ${JSON.stringify(options) ?? String(options)}, not an object`);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw wrong(`there is no option ${JSON.stringify(unknown)}; there are ${names.join(', ')}`);
}

/** Throws the abort error if the signal has fired. */
export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw abortError(signal.reason);
}

/** Settles as `promise` does, unless the signal fires first: then `onAbort` runs and the result is the abort error. */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onAbort: () => void = () => {},
): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(abortError(signal.reason));
      onAbort();
    };
    const done = () => signal.removeEventListener('abort', abort);
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(signal.aborted ? abortError(signal.reason) : error);
      },
    );
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
