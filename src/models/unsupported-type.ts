// The error for a model_type that a class does not have: which class has it, or what the class has.
import { WasmformerError } from '../errors';
import type { Config } from './model';

/** The types of every class, so that one can name another without its code. */
const TYPES = {
  Encoder: ['bert', 'roberta', 'xlm-roberta', 'distilbert', 'transformer_encoder'],
  Decoder: ['openai-gpt', 'gpt2', 'llama', 'mistral', 'qwen2', 'qwen3', 'gpt_neox', 'bloom', 'transformer_decoder'],
  Transformer: ['bart', 'mbart', 'marian', 'm2m_100', 'pegasus', 't5', 'mt5', 'umt5', 'transformer'],
} as const;

/** UNSUPPORTED_MODEL for a config whose model_type is not one of the class that was asked. */
export function unsupportedType({ model_type: type }: Config, asked: keyof typeof TYPES): WasmformerError {
  const article = asked === 'Encoder' ? 'an' : 'a';
  const other = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((name) =>
    (TYPES[name] as readonly unknown[]).includes(type),
  );
  return new WasmformerError(
    'UNSUPPORTED_MODEL',
    other
      ? `config.json: this is a ${JSON.stringify(type)} model, not ${article} ${asked}: use ${other}.fromPretrained (or ${other}.fromConfig)`
      : `config.json: model_type ${JSON.stringify(type)} is not supported as ${article} ${asked}; supported are ${TYPES[asked].join(', ')}`,
  );
}
