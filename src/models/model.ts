// What every architecture provides to the runtime, and readers for config.json.
import type { Value } from '../core/graph';
import { WasmformerError } from '../errors';
import type { StackResult } from '../nn/encoder';
import type { Parameters } from '../nn/parameters';
import type { Activation } from '../ops/activation';

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

/** The graph inputs of an encoder, all i32. */
export interface EncoderInputs {
  /** [tokens] */
  readonly ids: Value;
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
  record(inputs: EncoderInputs, request: Request): EncoderOutputs;
}

/** One file of models/: builds a model from a config, declaring its weights. */
export interface Architecture {
  /** All names under which checkpoints have a tensor: with and without the base model's prefix, older spellings. */
  aliases(name: string): string[];
  build(config: Config, parameters: Parameters): EncoderModel;
}

/** A positive integer of the config. */
export function integer(config: Config, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: ${key} must be a whole number, but is ${JSON.stringify(value)}`,
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
