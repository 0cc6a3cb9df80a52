// Which class a model_type is for, and the error where a class does not have it.
import { WasmformerError } from '../errors';
import type { Config } from './model';

/** The types of every class, so that one can name another without its code. */
export const MODEL_TYPES = {
  Encoder: ['bert', 'roberta', 'xlm-roberta', 'camembert', 'mpnet', 'distilbert', 'transformer_encoder'],
  Decoder: ['openai-gpt', 'gpt2', 'llama', 'mistral', 'qwen2', 'qwen3', 'gpt_neox', 'bloom', 'transformer_decoder'],
  Transformer: ['bart', 'mbart', 'marian', 'm2m_100', 'pegasus', 't5', 'mt5', 'umt5', 'transformer'],
} as const;

/** UNSUPPORTED_MODEL for a config whose model_type is not one of the class that was asked. */
export function unsupportedType({ model_type: type }: Config, asked: keyof typeof MODEL_TYPES): WasmformerError {
  const article = asked === 'Encoder' ? 'an' : 'a';
  const other = (Object.keys(MODEL_TYPES) as (keyof typeof MODEL_TYPES)[]).find((name) =>
    (MODEL_TYPES[name] as readonly unknown[]).includes(type),
  );
  return new WasmformerError(
    'UNSUPPORTED_MODEL',
    other
      ? `config.json: this is a ${JSON.stringify(type)} model, not ${article} ${asked}: use ${other}.fromPretrained (or ${other}.fromConfig)`
      : `config.json: model_type ${JSON.stringify(type)} is not supported as ${article} ${asked}; supported are ${MODEL_TYPES[asked].join(', ')}`,
  );
}
