// What every architecture provides to the runtime, and readers for config.json.
import type { Sym, Value } from '../core/graph';
import { WasmformerError } from '../errors';
import type { AttentionMask } from '../nn/attention';
import { normalInits, type Inits } from '../nn/init';
import type { StackResult } from '../nn/blocks';
import type { Parameters } from '../nn/parameters';
import type { Rotary } from '../nn/rotary';
import type { KeyValues } from '../ops/store-kv';
import type { Activation } from '../ops/activation';
import type { Dense } from './dense';

/** config.json as parsed: keys as Hugging Face writes them. */
export type Config = Readonly<Record<string, unknown>>;

/** What a checkpoint's head computes. */
export type Head =
  'maskedLM' | 'pretraining' | 'nextSentence' | 'sequenceClassification' | 'tokenClassification' | 'questionAnswering';

/** What one run should keep. */
export interface Request {
  /** Compute the head's outputs. */
  head: boolean;
  hiddenStates: boolean;
  attentions: boolean;
  /** The language-model head only for the rows in the input `selected`. */
  selected: boolean;
}

/** The graph inputs of an encoder, i32 unless said otherwise. */
export interface EncoderInputs {
  /** [tokens] */
  readonly ids: Value;
  /** f32 [tokens, d], where the caller gives embeddings instead of ids. */
  readonly embeds: Value | null;
  /** Who sees whom, where the caller says it; for a stack alone. */
  readonly mask: AttentionMask | null;
  /** [tokens] */
  readonly typeIds: Value;
  /** [tokens]: 0, 1, 2, ... in every sequence; a model adds its own offset when it is given one. */
  readonly positions: Value;
  /** [sequences, 8] */
  readonly segments: Value;
  /** [selected]: rows of which the language-model head is wanted. */
  readonly selected: () => Value;
}

/** What a model's graph gives. */
interface EncoderOutputs extends StackResult {
  /** [sequences, d] */
  poolerOutput?: Value;
  /** What the head gives: [tokens or selected or sequences, n]. */
  head: Record<string, Value>;
}

/** One built architecture: its weights declared, ready to record graphs. */
export interface EncoderModel {
  readonly head: Head | null;
  /** A stack of layers alone: it takes embeddings, not ids, and a mask. */
  readonly stack?: true;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Longest sequence in tokens. */
  readonly maxPositions: number;
  /** Added to positions before the look-up: RoBERTa counts from padding_idx + 1. */
  readonly positionOffset: number;
  /** Rows of the token-type table; 0: the model has no token types. */
  readonly typeVocabSize: number;
  /** What follows the pooling of an embedding. */
  readonly dense?: readonly Dense[];
  record(inputs: EncoderInputs, request: Request): EncoderOutputs;
}

/** The graph inputs of a decoder. Sequences continue what the cache holds of them. */
export interface DecoderInputs {
  /** i32 [tokens] */
  readonly ids: Value;
  /** i32 [tokens]: places in the sequence; a model adds its own offset when it is given one. */
  readonly positions: Value;
  /** i32 [sequences, 8] */
  readonly segments: Value;
  /** f32 [tokens, dim]: cos and sin of every token's position, for a model with `rotary`. */
  readonly rotary: () => Value;
  /** i32 [selected]: rows of which logits are wanted. */
  readonly selected: () => Value;
  /** Where each layer lies in a page of the cache, in bytes. */
  readonly cacheOffsets: readonly number[];
  /** The encoder's keys and values, for a model with cross-attention. */
  readonly cross: CrossInputs | null;
}

export interface CrossInputs {
  /** i32 [sequences, 8] */
  readonly segments: Value;
  readonly cacheOffsets: readonly number[];
  /** Elements of one layer's cross-attention maps. */
  readonly mapSize: Sym;
}

interface DecoderOutputs extends StackResult {
  /** [tokens or selected, vocabulary] */
  logits: Value | null;
}

/** Heads of keys and values in one layer's cache. */
export interface CacheShape {
  readonly kvHeads: number;
  readonly sizeK: number;
  readonly sizeV: number;
}

/** What steps through a sequence token by token: a causal language model, or the decoder of an encoder-decoder. */
export interface CausalModel {
  readonly vocabSize: number;
  readonly heads: number;
  /** Added to positions before the look-up. */
  readonly positionOffset: number;
  /** What every layer keeps of a token. */
  readonly cache: readonly CacheShape[];
  readonly rotary: Rotary | null;
  record(inputs: DecoderInputs, request: Request): DecoderOutputs;
}

/** A causal language model. */
export interface DecoderModel extends CausalModel {
  /** Whether it has a language-model head; a bare model gives hidden states only. */
  readonly head: boolean;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Longest sequence in tokens; Infinity: as memory allows. */
  readonly maxPositions: number;
}

/** The graph inputs of a decoder's stack alone, which attends to an encoder's output that the caller gives. */
interface DecoderStackInputs {
  /** f32 [tokens, d] */
  readonly embeds: Value;
  /** f32 [memory tokens, d] */
  readonly memory: Value;
  /** i32 [sequences, 8]: the tokens among themselves; the memory's tokens; the tokens as queries of the memory. */
  readonly segments: Value;
  readonly memorySegments: Value;
  readonly crossSegments: Value;
  /** Places for the memory's keys in the arena, and elements of one layer's cross-attention maps. */
  readonly memorySlots: Sym;
  readonly crossMap: Sym;
  /** Who sees whom, instead of the causal rule. */
  readonly mask: AttentionMask | null;
}

/** The layers of a decoder alone. */
export interface DecoderStack {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  record(inputs: DecoderStackInputs, request: Request): StackResult;
}

/** The graph inputs of an encoder-decoder's encoder. */
interface SourceInputs {
  /** i32 [tokens] */
  readonly ids: Value;
  /** i32 [tokens]; the model's own offset is added already. */
  readonly positions: Value;
  /** i32 [sequences, 8] */
  readonly segments: Value;
  /** Where the decoder's cross-attention will look for keys and values. */
  readonly cross: Omit<CrossInputs, 'mapSize'>;
}

/** The encoder of an encoder-decoder. */
export interface SourceEncoder {
  readonly vocabSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Longest source in tokens; Infinity: as memory allows. */
  readonly maxPositions: number;
  readonly positionOffset: number;
  /** What self-attention keeps of a token during a run. */
  readonly keyValue: CacheShape;
  /** `stored`: what storeCross gave for every layer of the decoder. */
  record(inputs: SourceInputs, request: Request): StackResult & { stored: readonly KeyValues[] };
}

/** An encoder-decoder. */
export interface TransformerModel {
  readonly hiddenSize: number;
  readonly encoder: SourceEncoder;
  readonly decoder: DecoderModel;
  /** Keys and values of the encoder's output, of every decoder layer. */
  readonly cross: readonly CacheShape[];
}

/** One file of models/: builds a model from a config, declaring its weights. */
export interface Architecture<M> {
  /** All names under which checkpoints have a tensor: with and without the base model's prefix, older spellings. */
  aliases(name: string): string[];
  /** Tensors that checkpoints have and the model does not need: buffers that older versions stored, copies of tied weights. Any other
   *  that no weight takes is an error; none is where this is left out. */
  readonly ignored?: readonly RegExp[];
  /** How parameters start without a checkpoint, where their declarations do not say. Default: normal, by the config's
   *  initializer_range. */
  inits?(config: Config): Inits;
  build(config: Config, parameters: Parameters): M;
}

/** A config with what it leaves out. A key that is absent has its default, as in transformers' configuration classes; one
 *  that is null stays so.
 *  @param synonyms other names of keys, which count as well (transformers' attribute_map) */
export function complete(config: Config, defaults: Config, synonyms: Readonly<Record<string, string>> = {}): Config {
  const renamed = Object.entries(synonyms)
    .filter(([other]) => Object.hasOwn(config, other))
    .map(([other, key]) => [key, config[other]]);
  return { ...defaults, ...config, ...(Object.fromEntries(renamed) as Config) };
}

/** transformers' usual start of parameters: normal, with the deviation that the config names. */
export function initsOf(config: Config, key = 'initializer_range'): Inits {
  return normalInits(deviation(config, key, 0.02));
}

/** A deviation of the config. Throws INVALID_CONFIG. */
export function deviation(config: Config, key: string, fallback: number): number {
  const value = number(config, key, fallback);
  if (value >= 0) return value;
  throw new WasmformerError('INVALID_CONFIG', `config.json: ${key} must not be negative, but is ${value}`);
}

/** The row of the padding token in a word table, if the config has such a token. */
export function paddingOf(config: Config, fallback?: number): number | undefined {
  const id = config.pad_token_id === undefined ? fallback : config.pad_token_id;
  return typeof id === 'number' && Number.isInteger(id) ? id : undefined;
}

/** More than any model has of anything. */
const MOST = 1e9;

/** A positive integer of the config. */
export function integer(config: Config, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MOST) {
    const bound = (value as number) > MOST ? ` up to ${MOST}` : '';
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: ${key} must be a whole number${bound}, but is ${JSON.stringify(value)}`,
    );
  }
  return value;
}

/** A finite number of the config. */
export function number(config: Config, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: ${key} must be a number, but is ${JSON.stringify(value)}`,
    );
  }
  return value;
}

const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  quick_gelu: 'quickGelu',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
};

/** The activation that a config names, as in transformers' ACT2FN. */
export function activationOf(config: Config, key: string, fallback = 'gelu'): Activation {
  const name = config[key] ?? fallback;
  const kind = typeof name === 'string' && Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  if (!kind) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `config.json: ${key} is ${JSON.stringify(name)}; supported are ${Object.keys(ACTIVATIONS).join(', ')}`,
    );
  }
  return kind;
}

/** How many labels a classification head has: id2label, else num_labels, else 2, as in transformers. */
export function labelCount(config: Config): number {
  const labels = config.id2label;
  if (labels && typeof labels === 'object') return Object.keys(labels).length;
  return integer(config, 'num_labels', 2);
}

const HEADS: readonly [suffix: string, head: Head | null][] = [
  ['ForMaskedLM', 'maskedLM'],
  ['ForPreTraining', 'pretraining'],
  ['ForNextSentencePrediction', 'nextSentence'],
  ['ForSequenceClassification', 'sequenceClassification'],
  ['ForTokenClassification', 'tokenClassification'],
  ['ForQuestionAnswering', 'questionAnswering'],
  ['Model', null],
];

/** The head that config.json's `architectures` names; null for a bare model. */
export function headOf(config: Config): Head | null {
  const [name] = Array.isArray(config.architectures) ? config.architectures : [];
  if (name === undefined) return null;
  const known = HEADS.find(([suffix]) => typeof name === 'string' && name.endsWith(suffix));
  if (!known) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `config.json: the architecture ${JSON.stringify(name)} is not supported; an encoder may be ${HEADS.map(([suffix]) => `...${suffix}`).join(', ')}`,
    );
  }
  return known[1];
}

/** Query heads, key heads and the size of a head, under the names that Llama and most others use.
 *  Throws INVALID_CONFIG where they do not fit each other. */
export function headCounts(config: Config, d: number): { heads: number; kvHeads: number; size: number } {
  const heads = integer(config, 'num_attention_heads');
  const kvHeads = integer(config, 'num_key_value_heads', heads);
  const size = config.head_dim == null ? headSize(d, heads) : integer(config, 'head_dim');
  if (heads === 0 || kvHeads === 0 || heads % kvHeads !== 0) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`,
    );
  }
  return { heads, kvHeads, size };
}

/** Columns of a head where the heads share d. Throws INVALID_CONFIG. */
export function headSize(d: number, heads: number): number {
  if (heads === 0 || d % heads !== 0) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: the hidden size ${d} is not a multiple of the number of attention heads, ${heads}`,
    );
  }
  return d / heads;
}
