// A tokenizer without a model: to count, cut and look at texts.
import type { SourceInput } from '../io/source';
import type { Tokenizer } from '../io/tokenizer';
import type { FileOptions } from './pretrained';

export interface LoadTokenizerOptions extends FileOptions {
  /** The class of the tokenizer in Hugging Face transformers, such as 'LlamaTokenizer', with or without 'Fast'. Default: what
   *  tokenizer_config.json or config.json say; of files without either, what their special tokens show. */
  tokenizerClass?: string;
  /** Ends the loading with ABORTED. */
  signal?: AbortSignal;
}

/** Loads a checkpoint's tokenizer alone: no engine starts, and of the files only the tokenizer's and config.json are read, which need not
 *  exist. It is the one that `model.tokenizer` would be.
 *  @param input as of fromPretrained
 *  @throws NO_TOKENIZER, FILE_NOT_FOUND, INVALID_FILE, INVALID_TOKENIZER, NETWORK, ABORTED, INVALID_ARGUMENT */
export async function loadTokenizer(input: SourceInput, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  return (await import('./checkpoint')).openTokenizer(input, options);
}
