// config.json's model_type -> causal language model.
import { bloom } from './bloom';
import { gptNeox } from './gpt-neox';
import { gpt2 } from './gpt2';
import { llama, mistral, qwen2, qwen3 } from './llama';
import type { Architecture, Config, DecoderModel, DecoderStack } from './model';
import { openaiGpt } from './openai-gpt';
import { unsupportedType } from './unsupported-type';

const DECODERS: Readonly<Record<string, Architecture<DecoderModel>>> = {
  'openai-gpt': openaiGpt,
  gpt2,
  llama,
  mistral,
  qwen2,
  qwen3,
  gpt_neox: gptNeox,
  bloom,
};

/** Few are loaded: a language model does without their code. */
const STACKS: Readonly<Record<string, () => Promise<Architecture<DecoderStack>>>> = {
  transformer_decoder: async () => (await import('./transformer')).transformerDecoder,
};

/** The stack alone that a config describes, if it does. */
export async function decoderStackOf({ model_type: type }: Config): Promise<Architecture<DecoderStack> | null> {
  return typeof type === 'string' && Object.hasOwn(STACKS, type) ? STACKS[type]() : null;
}

/** The causal language model that a config describes. Throws UNSUPPORTED_MODEL. */
export function decoderOf(config: Config): Architecture<DecoderModel> {
  const type = config.model_type;
  if (typeof type === 'string' && Object.hasOwn(DECODERS, type)) return DECODERS[type];
  throw unsupportedType(config, 'Decoder');
}
