// config.json's model_type -> encoder.
import { WasmformerError } from '../errors';
import { bert } from './bert';
import { distilbert } from './distilbert';
import type { Architecture, Config, EncoderModel } from './model';
import { roberta } from './roberta';
import { transformerEncoder } from './transformer-stack';

const ENCODERS: Readonly<Record<string, Architecture<EncoderModel>>> = {
  bert,
  roberta,
  'xlm-roberta': roberta,
  distilbert,
  transformer_encoder: transformerEncoder,
};

/** The encoder that a config describes. Throws UNSUPPORTED_MODEL. */
export function encoderOf(config: Config): Architecture<EncoderModel> {
  const type = config.model_type;
  const known = typeof type === 'string' && Object.hasOwn(ENCODERS, type) ? ENCODERS[type] : undefined;
  if (!known) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `config.json: model_type ${JSON.stringify(type)} is not supported as an Encoder; supported are ${Object.keys(ENCODERS).join(', ')}`,
    );
  }
  return known;
}
