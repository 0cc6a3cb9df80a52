// Configs of before model_type.
import { expect, it } from 'vitest';
import { MODEL_TYPES, unsupportedType, withModelType } from '../../src/models/unsupported-type';

it.each([
  ['BertForMaskedLM', 'bert'],
  ['XLMRobertaForSequenceClassification', 'xlm-roberta'],
  ['CamembertModel', 'camembert'],
  ['GPT2LMHeadModel', 'gpt2'],
  ['GPT2DoubleHeadsModel', 'gpt2'],
  ['OpenAIGPTLMHeadModel', 'openai-gpt'],
  ['GPTNeoXForCausalLM', 'gpt_neox'],
  ['MarianMTModel', 'marian'],
  ['M2M100ForConditionalGeneration', 'm2m_100'],
  ['UMT5ForConditionalGeneration', 'umt5'],
])('the architecture %s is of type %s', (architecture, type) => {
  const config = { architectures: [architecture], hidden_size: 8 };
  expect(withModelType(config, '/some/gpt2')).toEqual({ ...config, model_type: type });
});

it('without a known one the name tells', () => {
  const typeOf = (source: string, config: object = {}): unknown => withModelType({ ...config }, source).model_type;
  expect(typeOf('allenai/scibert_scivocab_uncased')).toBe('bert');
  expect(typeOf('/models/DistilRoBERTa-base/')).toBe('roberta');
  expect(typeOf('C:\\models\\mbart-large')).toBe('mbart');
  expect(typeOf('google/t5-small', { architectures: ['AlbertModel'] })).toBe('t5');
  expect(typeOf('/home/robert/models/mine')).toBeUndefined();
  expect(typeOf('someone/my-transformer', { architectures: 7 })).toBeUndefined();
});

it('nothing known is an error that lists the types', () => {
  const error = unsupportedType(withModelType({}, 'mine'), 'Encoder');
  expect(error.code).toBe('UNSUPPORTED_MODEL');
  expect(error.message).toContain('no model_type');
  expect(error.message).toContain(MODEL_TYPES.Encoder.join(', '));
});
