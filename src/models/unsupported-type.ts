// Which class a model_type is for, what stands in for one that is lacking, and the error where a class does not have it.
import { WasmformerError } from '../errors';
import type { Config } from './model';

/** The types of every class, so that one can name another without its code. */
export const MODEL_TYPES = {
  Encoder: ['bert', 'roberta', 'xlm-roberta', 'camembert', 'mpnet', 'distilbert', 'transformer_encoder'],
  Decoder: ['openai-gpt', 'gpt2', 'llama', 'mistral', 'qwen2', 'qwen3', 'gpt_neox', 'bloom', 'transformer_decoder'],
  Transformer: ['bart', 'mbart', 'marian', 'm2m_100', 'pegasus', 't5', 'mt5', 'umt5', 'transformer'],
} as const;

/** A config of before model_type, as biology's and science's BERTs have it, with the type that its architecture tells or else the name
 *  of its folder; as it is if neither does. */
export function withModelType(config: Config, source: string): Config {
  const types = Object.values(MODEL_TYPES).flat();
  const [architecture] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : [];
  const stem = String(architecture).replace(/(For\w+|LMHeadModel|DoubleHeadsModel|MTModel|Model)$/, '');
  const plain = (type: string): string => type.replaceAll(/[-_]/g, '').toLowerCase();
  const name = source.toLowerCase().match(/[^/\\]*[/\\]?$/)![0];
  const named = types.filter((type) => !type.startsWith('transformer') && name.includes(type));
  const found = types.find((type) => plain(type) === plain(stem)) ?? named.sort((a, b) => b.length - a.length)[0];
  return found === undefined ? config : { ...config, model_type: found };
}

/** UNSUPPORTED_MODEL for a config whose model_type is not one of the class that was asked. */
export function unsupportedType({ model_type: type }: Config, asked: keyof typeof MODEL_TYPES): WasmformerError {
  const article = asked === 'Encoder' ? 'an' : 'a';
  const other = (Object.keys(MODEL_TYPES) as (keyof typeof MODEL_TYPES)[]).find((name) =>
    (MODEL_TYPES[name] as readonly unknown[]).includes(type),
  );
  if (type === undefined) {
    const message = `config.json has no model_type, and nothing tells it: add it; ${asked}s are ${MODEL_TYPES[asked].join(', ')}`;
    return new WasmformerError('UNSUPPORTED_MODEL', message);
  }
  return new WasmformerError(
    'UNSUPPORTED_MODEL',
    other
      ? `config.json: this is a ${JSON.stringify(type)} model, not ${article} ${asked}: use ${other}.fromPretrained (or ${other}.fromConfig)`
      : `config.json: model_type ${JSON.stringify(type)} is not supported as ${article} ${asked}; supported are ${MODEL_TYPES[asked].join(', ')}`,
  );
}
