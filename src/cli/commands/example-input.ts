// A small call of any model, whose plan and times can be shown: on a text, or on ids or embeddings where there is no tokenizer.
import { Decoder, Encoder, Tensor, WasmformerError, type Profile, type Transformer } from '../../index';

export type Model = Encoder | Decoder | Transformer;

/** Tokens of a call without a text. */
const TOKENS = 16;
const TEXT = 'The old clock in the tower still tells the time of day.';

export interface Example {
  /** The input in words: "12 tokens". */
  readonly what: string;
  explain(): Promise<string>;
  profile(): Promise<Profile>;
}

/** @param text what the user gave */
export async function exampleOf(model: Model, text: string | undefined, signal: AbortSignal): Promise<Example> {
  const options = { signal };
  if (model instanceof Encoder) {
    const { stack, hiddenSize, vocabSize, maxPositions } = model.info;
    const ids = stack ? [] : idsFor(model, text, vocabSize, maxPositions);
    const input = stack ? { inputsEmbeds: embeddings(hiddenSize) } : { inputIds: [ids] };
    return {
      what: stack ? `${TOKENS} embeddings` : `${ids.length} tokens`,
      explain: () => model.explain(input, options),
      profile: () => model.profile(input, options),
    };
  }
  if (model instanceof Decoder) {
    const { stack, hiddenSize, vocabSize, maxPositions } = model.info;
    const ids = stack ? [] : idsFor(model, text, vocabSize, maxPositions);
    const inputsEmbeds = embeddings(hiddenSize);
    const input = stack ? { inputsEmbeds, encoderHiddenStates: inputsEmbeds } : { inputIds: [ids] };
    return {
      what: stack ? `${TOKENS} embeddings` : `${ids.length} tokens`,
      explain: () => model.explain(input, options),
      profile: () => model.profile(input, options),
    };
  }
  const { source, target } = await sourceAndTarget(model, text, signal);
  const input = { inputIds: [source], decoderInputIds: [target] };
  return {
    what: `${source.length} tokens in, ${target.length} out`,
    explain: () => model.explain(input, options),
    profile: () => model.profile(input, options),
  };
}

/** Ids of a text and of what the decoder reads of its answer. */
export async function sourceAndTarget(
  model: Transformer,
  text: string | undefined,
  signal: AbortSignal,
): Promise<{ source: number[]; target: number[]; answer: number[] }> {
  const { sourceVocabSize, maxSourcePositions } = model.info;
  const source = idsFor(model, text, sourceVocabSize, maxSourcePositions);
  const { decoder_start_token_id: start, bos_token_id: bos } = model.config;
  const first = Number(start ?? bos ?? 0);
  const { ids } = await model.generate(source, { decoderInputIds: [first], maxNewTokens: 40, signal }).result();
  return { source, target: [first, ...ids.slice(0, -1)], answer: ids };
}

/** Ids of a text; without one, of a sentence, or any ids where there is no tokenizer. Throws NO_TOKENIZER, TOO_LONG. */
function idsFor(model: Model, text: string | undefined, vocabSize: number, maxPositions: number): number[] {
  if (text === undefined && !hasTokenizer(model))
    return Array.from({ length: Math.min(TOKENS, maxPositions) }, (_, i) => (i + 1) % vocabSize);
  const { ids } = model.tokenizer.encode(text ?? TEXT);
  return text === undefined ? ids.slice(0, maxPositions) : ids;
}

function hasTokenizer(model: Model): boolean {
  try {
    return model.tokenizer !== undefined;
  } catch (error) {
    if (error instanceof WasmformerError && error.code === 'NO_TOKENIZER') return false;
    throw error;
  }
}

/** Numbers in place of words, for a stack of layers alone. */
function embeddings(hiddenSize: number): Tensor<Float32Array> {
  const data = Float32Array.from({ length: TOKENS * hiddenSize }, (_, i) => Math.sin(i));
  return new Tensor(data, [1, TOKENS, hiddenSize]);
}
