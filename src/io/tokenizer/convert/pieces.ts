// A SentencePiece model as a tokenizer.json: what its pieces' ids are in a family of checkpoints, and its algorithm as tokenizer.json's.

import { inBlocks } from '../in-blocks.js';
import { asFlag, asId, invalidTokenizer, type JsonObject, type Pause } from '../json.js';
import type { SentencePieceFamily } from './families.js';
import type { Converted } from './index.js';
import { languageTokens } from './languages.js';
import { PieceType, type PieceModel } from './protobuf.js';
import { boundsTemplate, languageOf, languageTemplate, templateProcessor } from '../template.js';
import { AddedTokens, type SideFiles } from './specials.js';

const SPACE = '\u2581';
/** What ALBERT and XLNet take from the score of pieces that end in a digit and a comma. */
const DIGIT_COMMA_PENALTY = 100;

/** As many spaces as there are. */
const ALL = 0x7fffffff;

type Vocab = Record<string, number>;

/** What a layout makes of the pieces. */
interface Ids {
  /** Ids by text, of all tokens of the vocabulary. */
  vocab: Vocab;
  /** Id of a piece that text can hold; null for one that the checkpoint does not know. */
  idOf(index: number): number | null;
  unknown: number;
  /** Special tokens whose ids the layout fixes. */
  fixed: readonly (readonly [token: string, id: number])[];
}

/** Converts a model. `vocabularies`: vocab.json and target_vocab.json of the layouts that have one. */
export async function convertPieces(
  model: PieceModel,
  family: SentencePieceFamily,
  files: SideFiles,
  vocabularies: { vocab: JsonObject | null; target: JsonObject | null },
  where: string,
  pause: Pause,
): Promise<Converted> {
  await pause();
  const ids = layIds(model, family, files.config, vocabularies.vocab, where);
  await pause();
  const { tokens, language } = addTokens(model, family, files, ids);
  const { config } = tokens;
  const removes = family.text === 'albert' && asFlag(config.remove_space, true, 'remove_space');
  const text = textParts(
    family.text ? { ...model, removesSpaces: removes || model.removesSpaces } : model,
    family,
    config,
  );
  const target = vocabularies.target as Vocab | null;
  const json: JsonObject = {
    added_tokens: tokens.list,
    ...text,
    post_processor: postProcessor(family, tokens, language, where),
    model: {
      type: 'SentencePiece',
      ...(await modelBelow(model, family, ids, pause)),
      vocab: ids.vocab,
      ...(target ? { written_vocab: target } : {}),
      unknown: ids.unknown,
      byte_fallback: model.byteFallback,
    },
  };
  return { json, config };
}

function layIds(
  model: PieceModel,
  family: SentencePieceFamily,
  config: JsonObject,
  given: JsonObject | null,
  where: string,
): Ids {
  const { pieces, unknown } = model;
  const vocab = Object.create(null) as Vocab;
  /** Pieces from `first` on, their index moved by `offset`. */
  const moved = (first: number, offset: number, fixed: readonly string[], unknownId: number): Ids => {
    for (const [id, token] of fixed.entries()) vocab[token] = id;
    for (let i = first; i < pieces.length; i++) vocab[pieces[i].text] = i + offset;
    return {
      vocab,
      idOf: (index) => (index < first ? null : index + offset),
      unknown: unknownId,
      fixed: fixed.filter((token) => token !== '').map((token) => [token, vocab[token]] as const),
    };
  };
  switch (family.layout) {
    case 'pieces':
      return moved(0, 0, [], unknown);
    case 't5': {
      const count = asId(config.extra_ids ?? 100, 'tokenizer_config.json: extra_ids');
      const ids = moved(0, 0, [], unknown);
      const fixed: (readonly [string, number])[] = [];
      for (let i = 0; i < count; i++) {
        const token = `<extra_id_${count - 1 - i}>`;
        vocab[token] ??= pieces.length + i;
        fixed.push([token, vocab[token]]);
      }
      return { ...ids, fixed };
    }
    case 'fairseq':
      return moved(3, 1, ['<s>', '<pad>', '</s>', '<unk>'], 3);
    case 'camembert':
      return moved(1, 4, ['<s>NOTUSED', '<pad>', '</s>NOTUSED', '<unk>', '<unk>NOTUSED'], 3);
    case 'pegasus': {
      const offset = asId(config.offset ?? 103, 'tokenizer_config.json: offset');
      if (offset === 0) return moved(0, 0, [], unknown);
      const fixed = ['<pad>', '</s>', '<mask_1>', '<mask_2>'];
      for (let i = 2; i < offset; i++) fixed.push(`<unk_${i}>`);
      return moved(2, offset, fixed, unknown + offset);
    }
    case 'm2m':
    case 'marian': {
      for (const [token, id] of Object.entries(given ?? {})) vocab[token] = asId(id, `vocab.json: ${token}`);
      const unknownId = vocab['<unk>'];
      if (unknownId === undefined) return invalidTokenizer(where, 'vocab.json beside it has no <unk>');
      return { vocab, idOf: (index) => vocab[pieces[index].text] ?? unknownId, unknown: unknownId, fixed: [] };
    }
  }
}

/** The special tokens in the order of their ids, and the token of the language that texts are in. */
function addTokens(
  model: PieceModel,
  family: SentencePieceFamily,
  files: SideFiles,
  { vocab, fixed }: Ids,
): { tokens: AddedTokens; language: string | undefined } {
  const marked: [token: string, id: number, special: boolean][] = fixed.map(([token, id]) => [token, id, true]);
  for (const { text, type } of model.pieces) {
    if (vocab[text] === undefined) continue;
    if (type === PieceType.Control) marked.push([text, vocab[text], true]);
    // BPE cuts them out of the text first; of Unigram they are pieces that score best
    else if (type === PieceType.UserDefined && model.algorithm === 'BPE') marked.push([text, vocab[text], false]);
  }
  if (family.layout === 'marian') {
    for (const token in vocab) if (/^>>.+<<$/.test(token)) marked.push([token, vocab[token], true]);
  }
  let highest = -1;
  for (const token in vocab) highest = Math.max(highest, vocab[token]);
  const languages = family.languages ? languageTokens(family.languages, files.config.language_codes) : null;
  for (const token of [...(languages?.tokens ?? []), ...(family.extra ?? [])]) {
    vocab[token] ??= ++highest;
    marked.push([token, vocab[token], true]);
  }
  const tokens = new AddedTokens(family, files, (token) => vocab[token], highest, marked);
  if (!languages) return { tokens, language: undefined };
  return { tokens, language: languages.tokenOf(languageOf(family.languages!, tokens.config)) };
}

function postProcessor(
  family: SentencePieceFamily,
  tokens: AddedTokens,
  language: string | undefined,
  where: string,
): JsonObject | null {
  const { config } = tokens;
  const named: Record<string, string[]> = language === undefined ? {} : { language: [language] };
  if (family.addsBos) {
    const bos = asFlag(config.add_bos_token, true, 'add_bos_token');
    const eos = asFlag(config.add_eos_token, false, 'add_eos_token');
    const template = boundsTemplate(bos, eos);
    return template && templateProcessor(template, tokens, named, where);
  }
  const template = family.languages ? languageTemplate(family.languages, config) : family.template;
  return template ? templateProcessor(template, tokens, named, where) : null;
}

/** Normalizer, pre-tokenizer and decoder. */
function textParts(model: PieceModel, family: SentencePieceFamily, config: JsonObject): JsonObject {
  const { characterMap, removesSpaces } = model;
  // without `legacy` the class writes the prefix itself, whatever the model says
  const isOwn = family.legacy === true && config.legacy === false;
  const adds = isOwn || model.addsPrefix;
  const prefixed = adds && asFlag(config.add_prefix_space, true, 'add_prefix_space');
  const scheme = !prefixed ? 'never' : isOwn ? 'first' : 'always';
  const normalizers: JsonObject[] = wordsBefore(family, config);
  if (removesSpaces || characterMap.length > 0) {
    const kept = model.pieces.filter(({ type }) => type === PieceType.UserDefined).map(({ text }) => text);
    normalizers.push({
      type: 'SentencePiece',
      precompiled_charsmap: characterMap,
      remove_extra_whitespaces: removesSpaces,
      kept,
    });
  }
  // Metaspace puts no prefix before what starts with one: only right where a text cannot.
  const byMetaspace = scheme === 'first' || (removesSpaces && characterMap.length > 0);
  if (!byMetaspace) {
    if (prefixed) normalizers.push({ type: 'Prepend', prepend: SPACE });
    normalizers.push({ type: 'Replace', pattern: { String: ' ' }, content: SPACE });
  }
  const metaspace = { type: 'Metaspace', replacement: SPACE, add_prefix_space: prefixed, prepend_scheme: scheme };
  const pretokenizers: JsonObject[] = [];
  if (family.text === 'deberta' && config.split_by_punct === true) {
    pretokenizers.push({ type: 'Punctuation', behavior: 'Isolated' });
  }
  if (byMetaspace) pretokenizers.push({ ...metaspace, split: false });
  const words = wordPattern(model);
  if (words) pretokenizers.push({ type: 'Split', pattern: { Regex: words }, behavior: 'Isolated', invert: false });
  return {
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: { type: 'Sequence', pretokenizers },
    decoder: decoder(model, family, prefixed),
  };
}

function decoder(
  { byteFallback, removesSpaces }: PieceModel,
  family: SentencePieceFamily,
  prefixed: boolean,
): JsonObject {
  const decoders: JsonObject[] = byteFallback ? [{ type: 'ByteFallback' }] : [];
  decoders.push({ type: 'Fuse' });
  const start = removesSpaces ? ALL : Number(prefixed);
  if (start > 0) decoders.push({ type: 'Strip', content: SPACE, start, stop: 0 });
  decoders.push({ type: 'Replace', pattern: { String: SPACE }, content: ' ' });
  if (family.layout === 'm2m' || family.layout === 'marian') {
    decoders.push({ type: 'Strip', content: ' ', start: ALL, stop: ALL });
  }
  return { type: 'Sequence', decoders };
}

/** Where text can be cut without changing the result: before a space, unless pieces reach over one. */
function wordPattern({ pieces }: PieceModel): string | null {
  let runs = false;
  for (const { text } of pieces) {
    const at = text.indexOf(SPACE, 1);
    if (at < 0) continue;
    if (/[^\u2581]\u2581/.test(text)) return null;
    runs = true;
  }
  return runs ? `${SPACE}+[^${SPACE}]*|[^${SPACE}]+` : `${SPACE}[^${SPACE}]*|[^${SPACE}]+`;
}

/** What some families' tokenizers do to text before SentencePiece. */
function wordsBefore(family: SentencePieceFamily, config: JsonObject): JsonObject[] {
  const steps: JsonObject[] = [];
  if (family.text === undefined) return steps;
  if (family.text === 'albert') {
    for (const quote of ['``', "''"]) steps.push({ type: 'Replace', pattern: { String: quote }, content: '"' });
    if (!asFlag(config.keep_accents, family.keepAccents ?? false, 'keep_accents')) {
      steps.push({ type: 'NFKD' }, { type: 'StripAccents' });
    }
  }
  if (asFlag(config.do_lower_case, family.lowerCase ?? false, 'do_lower_case')) steps.push({ type: 'Lowercase' });
  if (family.text === 'deberta') steps.push({ type: 'Strip' });
  return steps;
}

/** The Unigram or BPE model, and the checkpoint's id of each of its tokens. */
async function modelBelow(
  model: PieceModel,
  family: SentencePieceFamily,
  { idOf }: Ids,
  pause: Pause,
): Promise<{ model: JsonObject; ids: (number | null)[] }> {
  await pause();
  const { pieces } = model;
  const found = pieces.map(({ type }) => type === PieceType.Normal || type === PieceType.UserDefined);
  const ids: (number | null)[] = pieces.map((_, i) => (found[i] ? idOf(i) : null));
  // What text cannot become keeps its place under a name that no text has: a space is always escaped.
  const name = (i: number): string => (found[i] ? pieces[i].text : ` ${i}`);
  if (model.algorithm === 'Unigram') {
    const scores = unigramScores(model, family);
    const vocab = pieces.map((_, i): [string, number] => [name(i), scores[i]]);
    return { model: { type: 'Unigram', vocab, unk_id: model.unknown, single_precision: true }, ids };
  }
  const vocab = Object.create(null) as Vocab;
  for (let i = 0; i < pieces.length; i++) vocab[name(i)] = i;
  const merges = await pieceMerges(
    pieces.filter((_, i) => found[i]),
    (char) => {
      // a character that is only part of pieces
      vocab[char] = ids.length;
      ids.push(null);
    },
    vocab,
    pause,
  );
  return {
    model: { type: 'BPE', vocab, merges, merges_by_piece: true, unk_token: name(model.unknown), fuse_unk: false },
    ids,
  };
}

function unigramScores({ pieces }: PieceModel, family: SentencePieceFamily): number[] {
  return pieces.map(({ text, score, type }) => {
    if (type === PieceType.UserDefined) return 0; // more than any other has
    return family.text === 'albert' && /\p{Nd},$/u.test(text) ? score - DIGIT_COMMA_PENALTY : score;
  });
}

/** All ways to make a piece of two others or of characters, best piece first. */
async function pieceMerges(
  pieces: readonly { text: string; score: number }[],
  addCharacter: (char: string) => void,
  vocab: Readonly<Vocab>,
  pause: Pause,
): Promise<[string, string][]> {
  const merges: [string, string][] = [];
  const best = [...pieces].sort((a, b) => b.score - a.score);
  await inBlocks(best, pause, ({ text }) => {
    let at = 0;
    const chars = Array.from(text);
    if (chars.length > 1) for (const char of chars) if (vocab[char] === undefined) addCharacter(char);
    for (const char of chars.slice(0, -1)) {
      at += char.length;
      const left = text.slice(0, at);
      const right = text.slice(at);
      if (vocab[left] !== undefined && vocab[right] !== undefined) merges.push([left, right]);
    }
  });
  return merges;
}
