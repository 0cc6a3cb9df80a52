// A tokenizer.json of several MB, read without holding the thread: most of it are one or two lists, whose entries are parsed some at a
// time, and others get a turn in between.

import { decodeText, parseText } from '../json.js';
import type { Pause } from './json.js';
import { isId } from './pieces.js';

/** Units of text that are parsed at a time: a millisecond or two. */
const PIECE = 0x10000;
/** Bytes that are decoded at a time. */
const BYTES = 1 << 20;
/** How many places for a cut are tried; more fail only where the text is no JSON. */
const TRIES = 64;
const LISTS = /"(vocab|merges)"\s*:\s*([[{])/g;

/** How the end of an entry looks that others follow, and of the last one. Either may stand in a token's text, too: whether it is one
 *  shows when what was cut is parsed, since half a string or half a list is no JSON. */
interface Ends {
  readonly next: RegExp;
  readonly last: RegExp;
}

const NUMBERS: Ends = { next: /\d\s*,(?=\s*")/g, last: /\d\s*\}(?=\s*[,}])/g };
const STRINGS: Ends = { next: /"\s*,(?=\s*")/g, last: /"\s*\](?=\s*[,}])/g };
const PAIRS: Ends = { next: /\]\s*,(?=\s*\[)/g, last: /\]\s*\](?=\s*[,}])/g };

type List = unknown[] | Map<string, number>;

/** What parseJson gives, but with a Map as the model's vocabulary where the file has an object, if it can be read in turns.
 *  @throws INVALID_FILE */
export async function parseLargeJson(bytes: Uint8Array, where: string, pause: Pause): Promise<unknown> {
  const text = await decodeInTurns(bytes, where, pause);
  return (await parseInTurns(text, pause)) ?? parseText(text, where);
}

async function decodeInTurns(bytes: Uint8Array, where: string, pause: Pause): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES) {
    await pause();
    try {
      parts.push(decoder.decode(bytes.subarray(at, at + BYTES), { stream: at + BYTES < bytes.length }));
    } catch {
      return decodeText(bytes, where); // which says what is wrong
    }
  }
  await pause();
  return parts.join('');
}

/** Undefined if the text is not as expected: then only JSON.parse can tell what it is. */
async function parseInTurns(text: string, pause: Pause): Promise<unknown> {
  const lists = new Map<string, List>();
  let rest = '';
  let done = 0;
  LISTS.lastIndex = 0;
  for (let found = LISTS.exec(text); found; found = LISTS.exec(text)) {
    const [, name, bracket] = found;
    const from = found.index + found[0].length;
    const read = lists.has(name) ? null : await readList(text, from, bracket === '{', pause);
    if (!read) return undefined;
    lists.set(name, read.list);
    rest += text.slice(done, from);
    done = LISTS.lastIndex = read.end - 1; // its closing bracket stays
  }
  const file = parsed(rest + text.slice(done)) as { model?: Record<string, unknown> } | null | undefined;
  for (const [name, list] of lists) {
    const place = file?.model?.[name];
    if (typeof place !== 'object' || place === null || Object.keys(place).length > 0) return undefined;
    file!.model![name] = list;
  }
  return file;
}

/** The entries from `from` on, and where what closes them ends. Null if there are none, or none that can be read so. */
async function readList(
  text: string,
  from: number,
  isObject: boolean,
  pause: Pause,
): Promise<{ list: List; end: number } | null> {
  const [open, close] = isObject ? '{}' : '[]';
  const { next, last } = isObject ? NUMBERS : /^\s*\[/.test(text.slice(from, from + 99)) ? PAIRS : STRINGS;
  const list: List = isObject ? new Map<string, number>() : [];
  let end = endOf(last, text, from);
  for (let tries = 0, cut = 0; tries < TRIES; tries++) {
    const isLast = end - from <= PIECE;
    if (!isLast) cut = endOf(next, text, Math.max(cut, from + PIECE));
    const to = isLast ? end : cut;
    if (to === Infinity) return null;
    await pause();
    const piece = parsed(open + text.slice(from, to - 1) + close);
    if (piece === undefined) {
      if (isLast) end = endOf(last, text, end);
      continue;
    }
    tries = -1;
    if (!append(list, piece)) return null;
    if (isLast) return { list, end };
    from = to;
  }
  return null;
}

/** Adds the entries of a piece. False if one is no token with its id. */
function append(list: List, piece: unknown): boolean {
  if (!(list instanceof Map)) {
    for (const entry of piece as unknown[]) list.push(entry);
    return true;
  }
  const ids = piece as Readonly<Record<string, unknown>>;
  for (const token in ids) {
    const id = ids[token];
    if (!isId(id)) return false;
    list.set(token, id);
  }
  return true;
}

/** Where the first match from `from` on ends; Infinity if there is none. */
function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : Infinity;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
