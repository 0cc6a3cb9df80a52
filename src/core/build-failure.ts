// Why the core cannot be compiled, in words: the ways in which servers, policies and flags prevent it. Seldom needed, so it is a file
// of its own.
import { CORE_ADVICE } from '#platform';
import { WasmformerError } from '../errors';

/** UNSUPPORTED_PLATFORM for a place without WebAssembly, or without its SIMD. */
export function unsupported(): WasmformerError {
  return new WasmformerError(
    'UNSUPPORTED_PLATFORM',
    typeof WebAssembly === 'undefined'
      ? 'there is no WebAssembly here: start Node without --jitless and --no-expose-wasm, or leave the lockdown mode of the browser'
      : 'there is no WebAssembly SIMD here: use Node 20 or a browser of 2023, or later',
  );
}

/** FILE_NOT_FOUND for a core that cannot be fetched. */
export function unreachable(file: string, cause: unknown): WasmformerError {
  // an edge function says itself what to do
  if (cause instanceof WasmformerError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WasmformerError('FILE_NOT_FOUND', `the core ${file} cannot be fetched (${reason}): ${CORE_ADVICE}`, {
    cause,
  });
}

/** UNSUPPORTED_PLATFORM or INVALID_FILE for bytes that do not compile. */
export function uncompilable(file: string, bytes: BufferSource, cause: unknown): WasmformerError {
  const [buffer, offset] = ArrayBuffer.isView(bytes) ? [bytes.buffer, bytes.byteOffset] : [bytes, 0];
  const begin = new Uint8Array(buffer, offset, Math.min(4, bytes.byteLength));
  if (String.fromCharCode(...begin) !== '\0asm') {
    return new WasmformerError(
      'INVALID_FILE',
      `what was fetched as the core ${file} is no WebAssembly, but perhaps a web page in place of a missing file: ${CORE_ADVICE} ` +
        "(Vite before 8: optimizeDeps: { exclude: ['wasmformer'] })",
      { cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WasmformerError(
    'UNSUPPORTED_PLATFORM',
    `the core ${file} cannot be compiled: if a Content-Security-Policy forbids it, add 'wasm-unsafe-eval' to its script-src (${reason})`,
    { cause },
  );
}

/** A module that was compiled ahead is another one. */
export function unfit(cause: unknown): WasmformerError {
  return new WasmformerError(
    'INVALID_ARGUMENT',
    'module is no build of the core for one thread: import "wasmformer/wasm/relaxed.wasm", or base.wasm',
    { cause },
  );
}
