// The normalizers of tokenizer.json, keeping for every character the original span it came from.

import { Aligned, AlignedBuilder, Characters } from './aligned.js';
import { asFlag, parts, type JsonObject } from './json.js';
import type { LocalStep, Normalizer } from './normalizer.js';
import { decomposeInto, isIn, lowercase, lowerInPlace } from './unicode-forms.js';
import { ASCII_ONLY, WHITE_SPACE, control, isBase, isChinese, lazily, nonspacingMark } from './unicode.js';

/** Compiles the `normalizer` entry. The function takes a part of the original text that starts at unit `base`. */
export async function compileNormalizer(
  config: unknown,
  where: string,
): Promise<(text: string, base: number) => Aligned> {
  const steps: Normalizer[] = [];
  let local: LocalStep[] = [];
  for (const part of parts(config, 'normalizers', where)) {
    const step = await create(part.config, part.where);
    if (typeof step === 'function') {
      steps.push(step);
      local = [];
      continue;
    }
    if (local.length === 0) steps.push(inParts((local = [])));
    local.push(step);
  }
  return (text, base) => steps.reduce((source, step) => step(source), new Aligned(text, base));
}

/** Units of a part at least: few enough that one accent does not make much text slow. */
const PART = 256;

/** Applies local steps part by part, so that the parts in which characters keep their places need no care. */
function inParts(steps: readonly LocalStep[]): Normalizer {
  return (source) => {
    const { text } = source;
    const builder = new AlignedBuilder(source);
    for (let from = 0; from < text.length;) {
      const to = partEnd(text, from + PART);
      let part = text.slice(from, to);
      let chars: Characters | null = null;
      for (const step of steps) {
        const next = chars ? null : step.inPlace(part);
        if (next !== null) {
          part = next;
          continue;
        }
        chars ??= new Characters({ source: source.derive(part, from, 0), from: 0, to: part.length });
        step.apply(chars);
      }
      if (chars) builder.add(chars.finish());
      else builder.keep(part, from);
      from = to;
    }
    return builder.finish();
  };
}

/** The first place from `at` on where a text can be cut for local steps. */
function partEnd(text: string, at: number): number {
  while (at < text.length && !(isBase(text.charCodeAt(at)) && !isJoined(text, at))) at++;
  return Math.min(at, text.length);
}

/** Whether the character before a base forms one cluster with it. */
function isJoined(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  return (before >= 0x600 && before <= 0xd4e) || (before === 0x0d && text.charCodeAt(at) === 0x0a);
}

async function create(config: JsonObject, where: string): Promise<Normalizer | LocalStep> {
  switch (config.type) {
    case 'BertNormalizer':
      return bert(config, where);
    case 'Precompiled': {
      if (config.precompiled_charsmap === null || config.precompiled_charsmap === undefined) return (source) => source;
      const { PrecompiledMap } = await import('./precompiled.js');
      const map = new PrecompiledMap(config.precompiled_charsmap, `${where}.precompiled_charsmap`);
      return { inPlace: (text) => map.inPlace(text), apply: (text) => map.normalize(text) };
    }
    case 'SentencePiece': {
      const { sentencePieceNormalizer } = await import('./sentencepiece.js');
      return sentencePieceNormalizer(config, where);
    }
    default:
      // BERTs do without
      return (await import('./subword-normalizers.js')).createNormalizer(config, where);
  }
}

/** Spares most characters the regular expressions. */
function isPrintableAscii(char: string): boolean {
  return char >= ' ' && char <= '~' && char.length === 1;
}

const cleaned = lazily(() => new RegExp(`(?![\\t\\n\\r])(?:[\\0\\ufffd]|${control().source})`, 'u'));
const SPACES = new RegExp(WHITE_SPACE.source, 'gu');
const OTHER_SPACE = /(?! )\p{White_Space}/u;
/** The ideographs, and some more. */
const MAYBE_CHINESE = /[\u3400-\u9fff\uf900-\ufaff]|[\u{20000}-\u{2fa1f}]/u;

function bert(config: JsonObject, where: string): LocalStep {
  const clean = asFlag(config.clean_text, true, `${where}.clean_text`);
  const chinese = asFlag(config.handle_chinese_chars, true, `${where}.handle_chinese_chars`);
  const lower = asFlag(config.lowercase, true, `${where}.lowercase`);
  const accents = asFlag(config.strip_accents, lower, `${where}.strip_accents`);
  const dropped = (char: string): boolean =>
    !isPrintableAscii(char) &&
    (char === '\0' || char === '\ufffd' || (control().test(char) && char !== '\t' && char !== '\n' && char !== '\r'));
  const isAccented = (text: string): boolean => !isIn('NFD', text) || /[\p{Mn}\u1734\u{1171E}]/u.test(text);
  return {
    inPlace(text) {
      let out = text;
      if (clean && !/^[ -~]*$/.test(text)) {
        if (cleaned().test(text)) return null;
        out = text.replace(SPACES, ' ');
      }
      if (!ASCII_ONLY.test(out)) {
        if (chinese && MAYBE_CHINESE.test(out)) return null;
        if (accents && isAccented(out)) return null;
      }
      return lower ? lowerInPlace(out) : out;
    },
    apply(text) {
      // each step is dear, and Chinese needs few
      const whole = text.text;
      if (clean) {
        if (cleaned().test(whole)) text.filter((char) => !dropped(char));
        if (OTHER_SPACE.test(whole))
          text.expand((char) => (!isPrintableAscii(char) && WHITE_SPACE.test(char) ? ' ' : char));
      }
      if (chinese) {
        const next: string[] = [];
        const changes: number[] = [];
        for (const char of text.list) {
          if (isChinese(char)) {
            next.push(' ', char, ' ');
            changes.push(0, 1, 1);
          } else {
            next.push(char);
            changes.push(0);
          }
        }
        if (next.length !== text.length) text.transform(next, changes);
      }
      if (accents && isAccented(whole)) {
        decomposeInto(text, 'NFD');
        text.filter((char) => char < '\u0300' || !nonspacingMark().test(char));
      }
      if (lower && whole.toLowerCase() !== whole) lowercase(text);
    },
  };
}
