// What can be wrong with sentence-transformers' files. In a file of its own, since it is seldom needed.
import { WasmformerError } from '../errors';

/** @param name of the source, as errors call it */
export function wrongPrompts(name: string): WasmformerError {
  const where = `config_sentence_transformers.json in ${name}`;
  return new WasmformerError('INVALID_FILE', `${where}: prompts must be texts by name, such as { "query": "query: " }`);
}

export function modulesAreNoList(name: string): WasmformerError {
  return new WasmformerError('INVALID_FILE', `modules.json in ${name}: must be a list of modules`);
}

export function unknownModule(name: string, type: unknown): WasmformerError {
  return new WasmformerError(
    'UNSUPPORTED_MODEL',
    `modules.json in ${name}: the module ${String(type)} is not supported here; Transformer, Pooling, Dense and Normalize are, in this order`,
  );
}

export function missingModule(name: string, file: string): WasmformerError {
  return new WasmformerError('FILE_NOT_FOUND', `${name} has no ${file}, which its modules.json names`);
}

/** @param keys of the poolings that there are, of which `count` are chosen */
export function notOnePooling(name: string, file: string, keys: readonly string[], count: number): WasmformerError {
  return new WasmformerError(
    'UNSUPPORTED_MODEL',
    `${file} in ${name}: exactly one of ${keys.join(', ')} must be true, but ${count} are`,
  );
}
