// What the methods of Transformer do, in a module of its own so that who only embeds does not download it.
import { throwIfAborted, WasmformerError } from '../errors';
import { resolveGeneration, type GenerationSettings } from '../generate';
import { withSpecialTokens } from '../models/special-tokens';
import type { TransformerCall, TransformerGenerateRequest } from '../runtime/transformer-runner';
import { checkNames } from '../runtime/option-names';
import { checkProcessors, GenerationStream, type GeneratedResult, type StreamSource } from './generation';
import { padCrossMaps, padMaps, padRows, prepareIds } from './ids';
import type { Ids, InputLimits, Prepared } from './inputs';
import { encoderOf, inTarget } from './languages';
import { profileOf, type Profile } from './profile';
import { promptRows, splitRows, type Prompts } from './prompts';
import type { Tensor } from './tensor';
import type {
  Transformer,
  TransformerForwardOptions,
  TransformerGenerateOptions,
  TransformerInput,
  TransformerOutput,
} from './transformer';

const FORWARD_NAMES = 'outputHiddenStates outputAttentions signal';

export async function forward(
  model: Transformer,
  input: TransformerInput,
  options: TransformerForwardOptions,
): Promise<TransformerOutput> {
  await checkNames(options, FORWARD_NAMES);
  const { outputHiddenStates = false, outputAttentions = false, signal } = options;
  throwIfAborted(signal);
  const { source, target } = prepare(model, input);
  const outputs = await model.ask('forward', callOf(source, target, options), { signal });
  const { hiddenSize, vocabSize, encoderLayers, decoderLayers, encoderHeads, decoderHeads } = model.facts;
  const states = (stack: string, layers: number, rows: Prepared): Tensor<Float32Array>[] =>
    Array.from({ length: layers + 1 }, (_, i) => padRows(outputs[`${stack}.hiddenStates.${i}`], hiddenSize, rows));
  const result: TransformerOutput = {
    logits: padRows(outputs['decoder.logits'], vocabSize, target),
    lastHiddenState: padRows(outputs['decoder.lastHiddenState'], hiddenSize, target),
    encoderLastHiddenState: padRows(outputs['encoder.lastHiddenState'], hiddenSize, source),
  };
  if (outputHiddenStates) {
    result.encoderHiddenStates = states('encoder', encoderLayers, source);
    result.decoderHiddenStates = states('decoder', decoderLayers, target);
  }
  if (outputAttentions) {
    const layers = (n: number, map: (i: number) => Tensor<Float32Array>): Tensor<Float32Array>[] =>
      Array.from({ length: n }, (_, i) => map(i));
    result.encoderAttentions = layers(encoderLayers, (i) =>
      padMaps(outputs[`encoder.attentions.${i}`], encoderHeads, source),
    );
    result.decoderAttentions = layers(decoderLayers, (i) =>
      padMaps(outputs[`decoder.attentions.${i}`], decoderHeads, target),
    );
    result.crossAttentions = layers(decoderLayers, (i) =>
      padCrossMaps(outputs[`decoder.crossAttentions.${i}`], decoderHeads, target, source),
    );
  }
  return result;
}

/** Begins at once. */
export function generate(
  model: Transformer,
  sources: Prompts,
  options: TransformerGenerateOptions,
): GenerationStream<GeneratedResult | GeneratedResult[]> {
  return new GenerationStream(streamSource(model, sources, options));
}

export async function explain(
  model: Transformer,
  input: TransformerInput,
  options: TransformerForwardOptions,
): Promise<string> {
  await checkNames(options, FORWARD_NAMES);
  const { source, target } = prepare(model, input);
  return model.ask('explain', callOf(source, target, options), options);
}

export async function profile(
  model: Transformer,
  input: TransformerInput,
  options: TransformerForwardOptions,
): Promise<Profile> {
  await checkNames(options, FORWARD_NAMES);
  const { source, target } = prepare(model, input);
  return profileOf(await model.ask('profile', callOf(source, target, options), options));
}

async function streamSource(
  model: Transformer,
  sources: Prompts,
  options: TransformerGenerateOptions,
): Promise<StreamSource> {
  model.checkAlive();
  const { vocabSize, sourceVocabSize, maxPositions, maxSourcePositions } = model.facts;
  const settings = resolveGeneration(inTarget(model, options), {
    config: withSpecialTokens(model.config),
    generationConfig: model.settings.generation,
    vocabSize,
    otherNames: ['logitsProcessors', 'decoderInputIds', 'srcLang', 'tgtLang', 'signal'],
  });
  const { logitsProcessors = [], decoderInputIds, srcLang, signal } = options;
  throwIfAborted(signal);
  checkProcessors(logitsProcessors);
  if (settings.promptLookupNumTokens !== null)
    throw new WasmformerError('INVALID_ARGUMENT', 'promptLookupNumTokens works for a Decoder only: leave it out');
  const limits = { vocabSize: sourceVocabSize, maxPositions: maxSourcePositions, advice: 'shorten or split it' };
  const encode =
    srcLang === undefined
      ? (text: string) => model.tokenizer.encode(text).ids
      : encoderOf(model.tokenizer, sources, srcLang);
  const { rows, isBatch } = promptRows(sources, limits, encode);
  const starts = startsOf(decoderInputIds, settings, rows.length, { vocabSize, maxPositions });
  return {
    settings,
    prompts: rows.length,
    isBatch,
    processors: logitsProcessors,
    signal,
    tokenizer: model.settings.tokenizer,
    context: () => [],
    run: (abort, onEvent) => {
      const says = { scores: logitsProcessors.length > 0, stops: settings.stopStrings.length > 0 };
      const request: TransformerGenerateRequest = { sources: rows, starts, settings, says };
      return model.ask('generate', request, { signal: abort, onEvent, endsItself: true });
    },
  };
}

/** First ids of the decoder for every source: those given, else the start token. */
function startsOf(
  given: Ids | undefined,
  { decoderStartTokenId, bosTokenId }: GenerationSettings,
  count: number,
  limits: InputLimits,
): Int32Array[] {
  if (given !== undefined) {
    const rows = splitRows(prepareIds({ inputIds: given }, limits));
    if (rows.length === 1) return Array.from({ length: count }, () => rows[0]);
    if (rows.length === count) return rows;
    throw new WasmformerError(
      'INVALID_SHAPE',
      `decoderInputIds has ${rows.length} rows, but there are ${count} sources`,
    );
  }
  const start = decoderStartTokenId ?? bosTokenId;
  if (start === null) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'neither the checkpoint nor the call says with which token the decoder starts: pass decoderStartTokenId or decoderInputIds',
    );
  }
  if (start >= limits.vocabSize) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `the checkpoint's bos_token_id, with which the decoder starts, is ${start}, but the vocabulary has ${limits.vocabSize} tokens: pass decoderStartTokenId`,
    );
  }
  return Array.from({ length: count }, () => Int32Array.of(start));
}

function prepare(model: Transformer, input: TransformerInput): { source: Prepared; target: Prepared } {
  model.checkAlive();
  if (typeof input !== 'object' || input === null || !('inputIds' in input) || !('decoderInputIds' in input)) {
    throw new WasmformerError('INVALID_ARGUMENT', 'the input must be { inputIds, decoderInputIds, ... }');
  }
  const { inputIds, attentionMask, decoderInputIds, decoderAttentionMask } = input;
  const { vocabSize, sourceVocabSize, maxPositions, maxSourcePositions } = model.facts;
  const source = prepareIds(
    { inputIds, attentionMask },
    { vocabSize: sourceVocabSize, maxPositions: maxSourcePositions },
  );
  const target = prepareIds(
    { inputIds: decoderInputIds, attentionMask: decoderAttentionMask },
    { vocabSize, maxPositions },
  );
  const [n, m] = [source, target].map(({ batch }) => batch.lengths.length);
  if (n !== m)
    throw new WasmformerError('INVALID_SHAPE', `decoderInputIds has ${m} rows, but inputIds has ${n}: give as many`);
  return { source, target };
}

function callOf(
  source: Prepared,
  target: Prepared,
  { outputHiddenStates = false, outputAttentions = false }: TransformerForwardOptions,
): TransformerCall {
  return {
    source: source.batch,
    target: target.batch,
    hiddenStates: outputHiddenStates,
    attentions: outputAttentions,
  };
}
