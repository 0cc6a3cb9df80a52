// config.json's model_type -> encoder-decoder.
import { WasmformerError } from '../errors';
import { bart, m2m100, marian, mbart, pegasus } from './bart';
import type { Architecture, Config, TransformerModel } from './model';
import { mt5, t5, umt5 } from './t5';
import { transformer } from './transformer';

const TRANSFORMERS: Readonly<Record<string, Architecture<TransformerModel>>> = {
  bart,
  mbart,
  marian,
  m2m_100: m2m100,
  pegasus,
  t5,
  mt5,
  umt5,
  transformer,
};

/** The encoder-decoder that a config describes. Throws UNSUPPORTED_MODEL. */
export function transformerOf(config: Config): Architecture<TransformerModel> {
  const type = config.model_type;
  const known = typeof type === 'string' && Object.hasOwn(TRANSFORMERS, type) ? TRANSFORMERS[type] : undefined;
  if (!known) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `config.json: model_type ${JSON.stringify(type)} is not supported as a Transformer; supported are ${Object.keys(TRANSFORMERS).join(', ')}`,
    );
  }
  return known;
}
