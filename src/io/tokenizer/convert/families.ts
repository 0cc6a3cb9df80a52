// Which tokenizer a checkpoint has, where it only names a class or an architecture: files, special tokens and templates by class.

import type { SpecialRole } from '../special.js';
import type { LanguageSet, Template } from '../template.js';

/** Special tokens by role. */
type Roles = Readonly<Partial<Record<SpecialRole, string>>>;

interface Common {
  readonly roles: Roles;
  readonly template?: Template;
  /** The mask token takes the white space before it along. */
  readonly maskStrips?: boolean;
}

/** `vocab.txt`, one token a line. */
export interface WordPieceFamily extends Common {
  readonly kind: 'wordpiece';
}

/** `vocab.json` and `merges.txt`. */
export interface MergesFamily extends Common {
  readonly kind: 'merges';
  /** How text becomes words: GPT-2's bytes, RoBERTa's with its own post-processor, and the special cases. */
  readonly words: 'gpt2' | 'roberta' | 'qwen2' | 'clip' | 'whisper' | 'openai-gpt' | 'herbert';
  readonly addPrefixSpace?: boolean;
}

/** How ids follow from the pieces of a SentencePiece model. */
type Layout = 'pieces' | 'fairseq' | 'camembert' | 'pegasus' | 't5' | 'm2m' | 'marian';

/** A SentencePiece model. */
export interface SentencePieceFamily extends Common {
  readonly kind: 'sentencepiece';
  /** The name of the model file that the class's folders have. */
  readonly file: string;
  readonly layout: Layout;
  /** What is done to text before the model's own normalisation. */
  readonly text?: 'albert' | 'deberta';
  /** Whether `legacy` in tokenizer_config.json decides about the prefix space. */
  readonly legacy?: boolean;
  /** Whether `add_bos_token` (default true) and `add_eos_token` (default false) make the template. */
  readonly addsBos?: boolean;
  /** Defaults of tokenizer_config.json's flags of this name. */
  readonly lowerCase?: boolean;
  readonly keepAccents?: boolean;
  /** Tokens behind the pieces. Languages make the template. */
  readonly languages?: LanguageSet;
  readonly extra?: readonly string[];
}

export type Family = WordPieceFamily | MergesFamily | SentencePieceFamily;

const BERT_ROLES: Roles = { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' };
const FAIRSEQ_ROLES: Roles = {
  bos: '<s>',
  eos: '</s>',
  unk: '<unk>',
  sep: '</s>',
  pad: '<pad>',
  cls: '<s>',
  mask: '<mask>',
};
const LLAMA_ROLES: Roles = { bos: '<s>', eos: '</s>', unk: '<unk>' };
const GPT2_ROLES: Roles = { bos: '<|endoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>' };
const PIECE_BERT_ROLES: Roles = { ...BERT_ROLES, bos: '[CLS]', eos: '[SEP]', unk: '<unk>', pad: '<pad>' };

const BERT_TEMPLATE: Template = ['cls A sep', 'cls A sep B:1 sep:1'];
const ROBERTA_TEMPLATE: Template = ['cls A sep', 'cls A sep sep B sep'];
const END_TEMPLATE: Template = ['A eos', 'A eos B eos'];
const ONE_END_TEMPLATE: Template = ['A eos', 'A B eos'];

const BERT: WordPieceFamily = { kind: 'wordpiece', roles: BERT_ROLES, template: BERT_TEMPLATE };
const GPT2: MergesFamily = { kind: 'merges', words: 'gpt2', roles: GPT2_ROLES };
const ROBERTA: MergesFamily = {
  kind: 'merges',
  words: 'roberta',
  roles: FAIRSEQ_ROLES,
  template: ROBERTA_TEMPLATE,
  maskStrips: true,
};
const T5: SentencePieceFamily = {
  kind: 'sentencepiece',
  file: 'spiece.model',
  layout: 't5',
  legacy: true,
  roles: { eos: '</s>', unk: '<unk>', pad: '<pad>' },
  template: END_TEMPLATE,
};
const ALBERT: SentencePieceFamily = {
  kind: 'sentencepiece',
  file: 'spiece.model',
  layout: 'pieces',
  text: 'albert',
  lowerCase: true,
  keepAccents: false,
  roles: PIECE_BERT_ROLES,
  template: BERT_TEMPLATE,
  maskStrips: true,
};
const LLAMA: SentencePieceFamily = {
  kind: 'sentencepiece',
  file: 'tokenizer.model',
  layout: 'pieces',
  legacy: true,
  addsBos: true,
  roles: LLAMA_ROLES,
};
const XLM_ROBERTA: SentencePieceFamily = {
  kind: 'sentencepiece',
  file: 'sentencepiece.bpe.model',
  layout: 'fairseq',
  extra: ['<mask>'],
  roles: FAIRSEQ_ROLES,
  template: ROBERTA_TEMPLATE,
  maskStrips: true,
};
const MBART: SentencePieceFamily = {
  ...XLM_ROBERTA,
  languages: 'mbart',
};

const CLASSES: Readonly<Record<string, Family>> = {
  BertTokenizer: BERT,
  MPNetTokenizer: {
    ...BERT,
    roles: { ...FAIRSEQ_ROLES, unk: '[UNK]' },
    template: ['cls A sep', 'cls A sep sep B:1 sep:1'],
    maskStrips: true,
  },
  FunnelTokenizer: {
    ...BERT,
    roles: { ...FAIRSEQ_ROLES, sep: '<sep>', cls: '<cls>' },
    template: ['cls:2 A sep', 'cls:2 A sep B:1 sep:1'],
  },
  GPT2Tokenizer: GPT2,
  RobertaTokenizer: ROBERTA,
  LayoutLMv3Tokenizer: { ...ROBERTA, addPrefixSpace: true },
  BlenderbotTokenizer: { ...ROBERTA, words: 'gpt2', template: ONE_END_TEMPLATE },
  DebertaTokenizer: {
    ...GPT2,
    roles: { ...BERT_ROLES, bos: '[CLS]', eos: '[SEP]' },
    template: BERT_TEMPLATE,
    maskStrips: true,
  },
  WhisperTokenizer: {
    ...GPT2,
    words: 'whisper',
    template: ['start transcribe A eos', 'start transcribe A B:1 eos:1'],
  },
  Qwen2Tokenizer: { ...GPT2, words: 'qwen2', roles: { eos: '<|endoftext|>', pad: '<|endoftext|>' } },
  CLIPTokenizer: {
    ...GPT2,
    words: 'clip',
    roles: { ...GPT2_ROLES, bos: '<|startoftext|>', pad: '<|endoftext|>' },
    template: ['bos A eos', 'bos A eos eos B eos'],
  },
  OpenAIGPTTokenizer: { kind: 'merges', words: 'openai-gpt', roles: { unk: '<unk>' } },
  HerbertTokenizer: { kind: 'merges', words: 'herbert', roles: FAIRSEQ_ROLES, template: BERT_TEMPLATE },
  T5Tokenizer: T5,
  ReformerTokenizer: {
    ...T5,
    layout: 'pieces',
    legacy: false,
    roles: { eos: '</s>', unk: '<unk>' },
    template: undefined,
  },
  AlbertTokenizer: ALBERT,
  FNetTokenizer: { ...ALBERT, lowerCase: false, keepAccents: true },
  RemBertTokenizer: {
    ...ALBERT,
    file: 'sentencepiece.model',
    lowerCase: false,
    keepAccents: true,
  },
  XLNetTokenizer: {
    ...ALBERT,
    lowerCase: false,
    roles: { ...FAIRSEQ_ROLES, sep: '<sep>', cls: '<cls>' },
    template: ['A sep cls:2', 'A sep B:1 sep:1 cls:2'],
  },
  BigBirdTokenizer: {
    ...ALBERT,
    text: undefined,
    roles: { ...BERT_ROLES, bos: '<s>', eos: '</s>', unk: '<unk>', pad: '<pad>' },
  },
  DebertaV2Tokenizer: {
    ...ALBERT,
    file: 'spm.model',
    text: 'deberta',
    lowerCase: false,
    roles: { ...BERT_ROLES, bos: '[CLS]', eos: '[SEP]' },
  },
  LlamaTokenizer: LLAMA,
  GemmaTokenizer: {
    ...LLAMA,
    legacy: false,
    roles: { bos: '<bos>', eos: '<eos>', unk: '<unk>', pad: '<pad>' },
  },
  XLMRobertaTokenizer: XLM_ROBERTA,
  CamembertTokenizer: { ...XLM_ROBERTA, layout: 'camembert' },
  BarthezTokenizer: { ...XLM_ROBERTA, layout: 'pieces' },
  XGLMTokenizer: {
    ...XLM_ROBERTA,
    extra: [0, 1, 2, 3, 4, 5, 6].map((i) => `<madeupword${i}>`),
    roles: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>' },
    template: ['sep A', 'sep A sep sep B'],
  },
  MBartTokenizer: MBART,
  MBart50Tokenizer: { ...MBART, languages: 'mbart50' },
  NllbTokenizer: { ...MBART, languages: 'nllb' },
  PegasusTokenizer: {
    ...T5,
    layout: 'pegasus',
    legacy: false,
    roles: { eos: '</s>', unk: '<unk>', pad: '<pad>', mask: '<mask_2>' },
    template: ONE_END_TEMPLATE,
  },
  M2M100Tokenizer: {
    ...XLM_ROBERTA,
    layout: 'm2m',
    languages: 'm2m100',
    extra: [],
    roles: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>' },
  },
  MarianTokenizer: {
    ...T5,
    file: 'source.spm',
    layout: 'marian',
    legacy: false,
    template: ONE_END_TEMPLATE,
  },
};

/** Classes that differ from another one by name only. */
const SAME: Readonly<Record<string, string>> = {
  BartTokenizer: 'RobertaTokenizer',
  CodeGenTokenizer: 'GPT2Tokenizer',
  CodeLlamaTokenizer: 'LlamaTokenizer',
  Phi3Tokenizer: 'LlamaTokenizer',
  ConvBertTokenizer: 'BertTokenizer',
  DistilBertTokenizer: 'BertTokenizer',
  DPRContextEncoderTokenizer: 'BertTokenizer',
  DPRQuestionEncoderTokenizer: 'BertTokenizer',
  DPRReaderTokenizer: 'BertTokenizer',
  ElectraTokenizer: 'BertTokenizer',
  LayoutLMTokenizer: 'BertTokenizer',
  LayoutLMv2Tokenizer: 'BertTokenizer',
  LxmertTokenizer: 'BertTokenizer',
  MobileBertTokenizer: 'BertTokenizer',
  RetriBertTokenizer: 'BertTokenizer',
  SqueezeBertTokenizer: 'BertTokenizer',
  LEDTokenizer: 'RobertaTokenizer',
  LongformerTokenizer: 'RobertaTokenizer',
  MvpTokenizer: 'RobertaTokenizer',
  LayoutXLMTokenizer: 'XLMRobertaTokenizer',
};

/** The class of an architecture whose files name none. */
const CLASS_OF_MODEL: Readonly<Record<string, string>> = {
  albert: 'Albert',
  bart: 'Bart',
  barthez: 'Barthez',
  bert: 'Bert',
  big_bird: 'BigBird',
  bigbird_pegasus: 'Pegasus',
  blenderbot: 'Blenderbot',
  camembert: 'Camembert',
  clip: 'CLIP',
  code_llama: 'CodeLlama',
  codegen: 'CodeGen',
  convbert: 'ConvBert',
  deberta: 'Deberta',
  'deberta-v2': 'DebertaV2',
  distilbert: 'DistilBert',
  electra: 'Electra',
  fnet: 'FNet',
  funnel: 'Funnel',
  gemma: 'Gemma',
  gemma2: 'Gemma',
  gpt2: 'GPT2',
  gpt_bigcode: 'GPT2',
  gpt_neo: 'GPT2',
  gptj: 'GPT2',
  herbert: 'Herbert',
  led: 'LED',
  llama: 'Llama',
  longformer: 'Longformer',
  longt5: 'T5',
  m2m_100: 'M2M100',
  marian: 'Marian',
  mbart: 'MBart',
  mistral: 'Llama',
  mixtral: 'Llama',
  mobilebert: 'MobileBert',
  mpnet: 'MPNet',
  mt5: 'T5',
  mvp: 'Mvp',
  nllb: 'Nllb',
  'nllb-moe': 'Nllb',
  'openai-gpt': 'OpenAIGPT',
  opt: 'GPT2',
  pegasus: 'Pegasus',
  phi: 'CodeGen',
  phi3: 'Phi3',
  qwen2: 'Qwen2',
  qwen2_moe: 'Qwen2',
  qwen3: 'Qwen2',
  reformer: 'Reformer',
  rembert: 'RemBert',
  roberta: 'Roberta',
  squeezebert: 'SqueezeBert',
  switch_transformers: 'T5',
  t5: 'T5',
  umt5: 'T5',
  whisper: 'Whisper',
  xglm: 'XGLM',
  'xlm-roberta': 'XLMRoberta',
  'xlm-roberta-xl': 'XLMRoberta',
  xlnet: 'XLNet',
};

/** Names that say nothing but that there is a tokenizer.json. */
const GENERIC = new Set(['PreTrainedTokenizer', 'TokenizersBackend']);

/** The class that the files or the architecture name; undefined if neither does. */
export function tokenizerClass(named: unknown, modelType: unknown): string | undefined {
  const name = typeof named === 'string' ? named.replace(/Fast$/, '') : '';
  if (name !== '' && !GENERIC.has(name)) return name;
  if (typeof modelType !== 'string' || !Object.hasOwn(CLASS_OF_MODEL, modelType)) return undefined;
  return `${CLASS_OF_MODEL[modelType]}Tokenizer`;
}

/** What is known of a class, undefined if nothing is. */
export function familyOf(className: string): Family | undefined {
  const name = Object.hasOwn(SAME, className) ? SAME[className] : className;
  return Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
}

/** The names of the classes that can be converted: those of some kinds, or all. */
export function knownClasses(kinds: readonly Family['kind'][]): string[] {
  const all = [...Object.keys(CLASSES), ...Object.keys(SAME)].sort();
  return kinds.length === 0 ? all : all.filter((name) => kinds.includes(familyOf(name)!.kind));
}
