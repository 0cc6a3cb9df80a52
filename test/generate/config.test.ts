// Options: precedence, defaults, and every mistake that is caught.
import { describe, expect, it } from 'vitest';
import { WasmformerError } from '../../src/errors';
import { lengthLimits, resolveGeneration } from '../../src/generate/index';
import type { GenerationOptions, ResolveContext } from '../../src/generate/index';

function errorOf(options: unknown, context?: ResolveContext): WasmformerError {
  try {
    resolveGeneration(options as GenerationOptions, context);
  } catch (error) {
    if (error instanceof WasmformerError) return error;
    throw error;
  }
  throw new Error(`no error for ${JSON.stringify(options)}`);
}

describe('precedence', () => {
  // GenerationConfig._get_default_generation_params of transformers 5
  it('has the defaults of transformers', () => {
    expect(resolveGeneration({})).toMatchObject({
      doSample: false,
      temperature: 1,
      topK: 50,
      topP: 1,
      minP: null,
      typicalP: 1,
      repetitionPenalty: 1,
      lengthPenalty: 1,
      noRepeatNgramSize: 0,
      numBeams: 1,
      numReturnSequences: 1,
      earlyStopping: false,
      eosTokenId: [],
      minLength: 0,
    });
  });

  it('takes the call first, then generation_config.json', () => {
    const generationConfig = { do_sample: true, temperature: 0.6, top_k: 20, eos_token_id: [2, 5], top_p: null };
    const settings = resolveGeneration({ topK: 7 }, { generationConfig, config: { num_beams: 4, eos_token_id: 9 } });
    expect(settings).toMatchObject({
      doSample: true,
      temperature: 0.6,
      topK: 7,
      topP: 1,
      eosTokenId: [2, 5],
      numBeams: 1,
    });
  });

  it('reads config.json and its decoder only without generation_config.json', () => {
    const config = { num_beams: 4, eos_token_id: 2, decoder: { num_beams: 3, no_repeat_ngram_size: 3 } };
    expect(resolveGeneration({}, { config })).toMatchObject({ numBeams: 4, eosTokenId: [2], noRepeatNgramSize: 3 });
    const forced = { force_bos_token_to_be_generated: true, bos_token_id: 0 };
    expect(resolveGeneration({}, { config: forced }).forcedBosTokenId).toBe(0);
  });

  it('switches off by null or an empty list', () => {
    const generationConfig = { eos_token_id: 2, forced_eos_token_id: 2, bad_words_ids: [[1]], pad_token_id: -1 };
    expect(
      resolveGeneration({ eosTokenId: [], forcedEosTokenId: null, badWordsIds: null }, { generationConfig }),
    ).toMatchObject({ eosTokenId: [], forcedEosTokenId: null, badWordsIds: null, padTokenId: null });
  });

  it('survives being posted to a worker', () => {
    const settings = resolveGeneration({ stopStrings: 'end', eosTokenId: 3, earlyStopping: 'never', numBeams: 2 });
    expect(structuredClone(settings)).toEqual(settings);
    expect(settings).toMatchObject({ stopStrings: ['end'], eosTokenId: [3] });
  });
});

describe('lengths', () => {
  const limits = (options: GenerationOptions, prompt: number, generationConfig?: object, positions?: number) =>
    lengthLimits(resolveGeneration(options, { generationConfig: generationConfig as never }), prompt, positions);

  it('are 20 new tokens by default, fewer where positions end', () => {
    expect(limits({}, 5)).toEqual({ minLength: 0, maxLength: 25 });
    expect(limits({}, 5, {}, 16).maxLength).toBe(16);
    expect(limits({ maxNewTokens: 30 }, 5, {}, 16).maxLength).toBe(35);
  });

  it('count the prompt in maxLength and minLength, and not in the others', () => {
    expect(limits({ maxLength: 12, minLength: 8 }, 5)).toEqual({ minLength: 8, maxLength: 12 });
    expect(limits({ maxNewTokens: 12, minNewTokens: 8 }, 5)).toEqual({ minLength: 13, maxLength: 17 });
  });

  it('of the call replace those of the checkpoint', () => {
    expect(limits({ maxNewTokens: 3 }, 5, { max_length: 142, min_length: 56 })).toEqual({
      minLength: 56,
      maxLength: 8,
    });
    expect(limits({ maxLength: 9 }, 5, { max_new_tokens: 100 }).maxLength).toBe(9);
    expect(limits({}, 5, { max_new_tokens: 100, max_length: 9 }).maxLength).toBe(105);
  });

  it('must leave room', () => {
    expect(() => limits({ maxLength: 5 }, 5)).toThrow(
      'the prompt has 5 tokens, which leaves no room for new ones in 5',
    );
  });
});

describe('mistakes', () => {
  const wrong: [options: object, message: string][] = [
    [
      { temperature: 0, doSample: true },
      'temperature is 0, but must be a number above 0; for the likeliest token every time leave doSample off',
    ],
    [{ temperature: NaN }, 'temperature is NaN'],
    [{ topP: 0, doSample: true }, 'topP is 0, but must be a number above 0 and at most 1'],
    [{ topP: 1.1 }, 'topP is 1.1'],
    [{ minP: -0.1 }, 'minP is -0.1, but must be a number from 0 to 1'],
    [{ topK: 2.5 }, 'topK is 2.5, but must be a whole number, 0 for all tokens'],
    [{ typicalP: 0 }, 'typicalP is 0'],
    [{ maxNewTokens: 0 }, 'maxNewTokens is 0, but must be a whole number of at least 1'],
    [{ maxNewTokens: '5' }, 'maxNewTokens is "5"'],
    [{ minNewTokens: -1 }, 'minNewTokens is -1, but must be a whole number'],
    [{ maxNewTokens: 5, maxLength: 9 }, 'maxNewTokens 5 and maxLength 9 were both given'],
    [{ maxNewTokens: 5, minNewTokens: 9 }, 'minNewTokens is 9, more than maxNewTokens 5'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty is 0, but must be a number above 0'],
    [{ noRepeatNgramSize: -1 }, 'noRepeatNgramSize is -1'],
    [{ badWordsIds: [[]] }, 'badWordsIds is [[]], but must be a list of lists of token ids, none of them empty'],
    [{ suppressTokens: [-1] }, 'suppressTokens is [-1], but must be a list of token ids'],
    [{ eosTokenId: -1 }, 'eosTokenId is -1, but must be a token id or a list of them; [] for no end of sequence'],
    [{ eosTokenId: 'x' }, 'eosTokenId is "x"'],
    [{ stopStrings: '' }, 'stopStrings is "", but must be a text or a list of texts, none of them empty'],
    [{ stopStrings: ['a', ''] }, 'stopStrings is ["a",""]'],
    [{ seed: -1 }, 'seed is -1, but must be a whole number from 0 to 2^53 - 1'],
    [{ seed: 2 ** 53 }, 'seed is 9007199254740992'],
    [{ earlyStopping: 'always' }, 'earlyStopping is "always", but must be true, false or \'never\''],
    [{ doSample: 1 }, 'doSample is 1, but must be true or false'],
    [{ numBeams: 0 }, 'numBeams is 0, but must be a whole number of at least 1'],
    [{ numReturnSequences: 3 }, 'numReturnSequences is 3, but greedy search has one result'],
    [{ numReturnSequences: 3, numBeams: 2 }, 'numReturnSequences is 3, but must be at most numBeams, 2'],
    [{ numReturnSequences: 3, numBeams: 2, doSample: true }, 'at most numBeams, 2'],
    [{ temperature: 0.7 }, 'temperature 0.7 has no effect without sampling; add doSample: true, or leave it out'],
    [{ topK: 3 }, 'topK 3 has no effect without sampling'],
    [{ lengthPenalty: 2 }, 'lengthPenalty 2 has no effect without beams'],
    [{ promptLookupNumTokens: 4, numBeams: 2 }, 'promptLookupNumTokens 4 works for one sequence only'],
    [{ logprobs: 4, numBeams: 2 }, 'logprobs is 4, but beams give no alternatives'],
    [{ forcedEosTokenId: 2, suppressTokens: [1, 2] }, 'forcedEosTokenId [2] is forced and in suppressTokens at once'],
    [{ max_new_tokens: 5 }, 'there is no option "max_new_tokens"; did you mean maxNewTokens?'],
    [{ topp: 5 }, 'did you mean topP?'],
    [{ maxTokens: 5 }, 'did you mean max'],
    [{ colour: 5 }, 'there is no option "colour"'],
  ];
  it.each(wrong)('%j', (options, message) => {
    const error = errorOf(options);
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });

  it('names ids beyond the vocabulary', () => {
    expect(errorOf({ suppressTokens: [1, 30] }, { vocabSize: 30 }).message).toContain(
      'suppressTokens has the id 30, but the vocabulary has 30',
    );
    expect(errorOf({ logprobs: 31 }, { vocabSize: 30 }).message).toContain('logprobs is 31');
  });

  it('of a file name the file', () => {
    const error = errorOf({}, { generationConfig: { num_beams: 'four' } });
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.message).toContain(
      'generation_config.json: num_beams is "four", but must be a whole number of at least 1',
    );
    for (const key of ['decoder_start_token_id', 'forced_bos_token_id', 'forced_eos_token_id']) {
      const beyond = errorOf({}, { generationConfig: { [key]: 30 }, vocabSize: 30 });
      expect(beyond.code).toBe('INVALID_CONFIG');
      expect(beyond.message).toContain(`the checkpoint's ${key} has the id 30, but the vocabulary has 30 tokens`);
    }
    const unsupported = errorOf({}, { generationConfig: { num_beam_groups: 2 } });
    expect(unsupported.code).toBe('UNSUPPORTED_MODEL');
    expect(unsupported.message).toContain('num_beam_groups 2');
  });
});

describe('what is no mistake', () => {
  it.each<[GenerationOptions, object?]>([
    [{ temperature: 0.7, doSample: false }],
    [{ temperature: 1, topK: 50, topP: 1 }],
    [{ seed: 3 }],
    [{ temperature: 0.7 }, { do_sample: true }],
    [{ numReturnSequences: 3, doSample: true }],
    [{ numBeams: 4, stopStrings: ['x'] }],
    // a temperature that only sampling would mind
    [{}, { temperature: 0 }],
    [{}, { eos_token_id: -1, num_beam_groups: 1, guidance_scale: null }],
  ])('%j with %j', (options, generationConfig) => {
    expect(() => resolveGeneration(options, { generationConfig: generationConfig as never })).not.toThrow();
  });

  it('is a name that the caller handles', () => {
    expect(() => resolveGeneration({ signal: null } as GenerationOptions, { otherNames: ['signal'] })).not.toThrow();
  });
});
