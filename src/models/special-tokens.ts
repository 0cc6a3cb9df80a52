// The special tokens that transformers' config classes assume where config.json says nothing of them. Published files often
// leave them out; generate() needs them.
import type { Config } from './model';

const BART: Config = { bos_token_id: 0, eos_token_id: 2, pad_token_id: 1, forced_eos_token_id: 2 };
const LLAMA: Config = { bos_token_id: 1, eos_token_id: 2 };
// T5's decoder starts with the padding token
const T5: Config = { eos_token_id: 1, pad_token_id: 0, decoder_start_token_id: 0 };

const SPECIAL_TOKENS: Readonly<Record<string, Config>> = {
  gpt2: { bos_token_id: 50256, eos_token_id: 50256 },
  llama: LLAMA,
  mistral: LLAMA,
  gpt_neox: { bos_token_id: 0, eos_token_id: 2 },
  bloom: LLAMA,
  bart: { ...BART, decoder_start_token_id: 2 },
  mbart: BART,
  marian: { eos_token_id: 0, pad_token_id: 58100, decoder_start_token_id: 58100, forced_eos_token_id: 0 },
  m2m_100: { bos_token_id: 0, eos_token_id: 2, pad_token_id: 1, decoder_start_token_id: 2 },
  pegasus: { eos_token_id: 1, pad_token_id: 0, decoder_start_token_id: 0, forced_eos_token_id: 1 },
  t5: T5,
  mt5: T5,
  umt5: T5,
};

/** config.json with what its model's class adds; a stated null stays. */
export function withSpecialTokens(config: Config): Config {
  const type = String(config.model_type);
  return Object.hasOwn(SPECIAL_TOKENS, type) ? { ...SPECIAL_TOKENS[type], ...config } : config;
}
