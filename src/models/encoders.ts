// config.json's model_type -> encoder.
import { bert } from './bert';
import { headOf, type Architecture, type Config, type EncoderModel } from './model';

const roberta = async (): Promise<Architecture<EncoderModel>> => (await import('./roberta')).roberta;

/** Most checkpoints that embed are BERTs; what is rarer is loaded when it is asked for, so that it costs the others nothing. */
const ENCODERS: Readonly<Record<string, (config: Config) => Promise<Architecture<EncoderModel>>>> = {
  bert: async (config) => (headOf(config) === null ? bert : (await import('./bert-heads')).bertWithHead),
  roberta,
  'xlm-roberta': roberta,
  camembert: roberta,
  mpnet: async () => (await import('./mpnet')).mpnet,
  distilbert: async () => (await import('./distilbert')).distilbert,
  transformer_encoder: async () => (await import('./transformer-stack')).transformerEncoder,
};

/** The encoder that a config describes. Throws UNSUPPORTED_MODEL. */
export async function encoderOf(config: Config): Promise<Architecture<EncoderModel>> {
  const type = config.model_type;
  if (typeof type === 'string' && Object.hasOwn(ENCODERS, type)) return ENCODERS[type](config);
  throw (await import('./unsupported-type')).unsupportedType(config, 'Encoder');
}
