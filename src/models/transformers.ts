// config.json's model_type -> encoder-decoder.
import { bart, m2m100, marian, mbart, pegasus } from './bart';
import type { Architecture, Config, TransformerModel } from './model';
import { mt5, t5, umt5 } from './t5';
import { transformer } from './transformer';
import { unsupportedType } from './unsupported-type';

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
  if (typeof type === 'string' && Object.hasOwn(TRANSFORMERS, type)) return TRANSFORMERS[type];
  throw unsupportedType(config, 'Transformer');
}
