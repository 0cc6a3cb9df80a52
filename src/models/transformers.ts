// config.json's model_type -> encoder-decoder.
import { bart, m2m100, marian, mbart, pegasus } from './bart';
import { unsupportedType, type Architecture, type Config, type TransformerModel } from './model';
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

/** Every model_type that is a Transformer. */
export const TRANSFORMER_TYPES = /* @__PURE__ */ Object.keys(TRANSFORMERS);

/** The encoder-decoder that a config describes. Throws UNSUPPORTED_MODEL. */
export function transformerOf(config: Config): Architecture<TransformerModel> {
  const type = config.model_type;
  if (typeof type === 'string' && Object.hasOwn(TRANSFORMERS, type)) return TRANSFORMERS[type];
  throw unsupportedType(config, 'a Transformer', TRANSFORMER_TYPES);
}
