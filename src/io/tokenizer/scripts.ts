// The pre-tokenizer UnicodeScripts: words end where the writing system changes.

import { SCRIPT_RANGES } from './script-ranges.js';
import { textOf, type PreTokenizer } from './words.js';

const FIELDS = 3;
let table: Int32Array | null = null;

/** First and last characters of all runs, and their scripts. */
function runs(): Int32Array {
  const entries = SCRIPT_RANGES.trimEnd().split(' ');
  const found = new Int32Array(FIELDS * entries.length);
  let next = 0;
  for (const [i, entry] of entries.entries()) {
    const [gap, more, script] = entry.split(',').map((digits) => (digits === '' ? 0 : parseInt(digits, 36)));
    const first = next + gap;
    found.set([first, first + more, script], FIELDS * i);
    next = first + more + 1;
  }
  return found;
}

/** The number of a character's script; 0 if it has none, as spaces and what is newer than Unicode 9. */
function scriptOf(code: number): number {
  table ??= runs();
  let low = 0;
  let high = table.length / FIELDS;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[FIELDS * middle + 1] < code) low = middle + 1;
    else high = middle;
  }
  return table[FIELDS * low] <= code ? table[FIELDS * low + 2] : 0;
}

/** Cuts before each character of another script than the last one that had one. What comes before the first is left out, as in the
 *  reference. */
export const unicodeScripts: PreTokenizer = ({ source, from, to }, visit) => {
  const text = textOf(source, from, to);
  let start = -1;
  let last = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i)!;
    const script = scriptOf(code);
    if (script !== 0 && script !== last) {
      if (start >= 0) visit({ source, from: from + start, to: from + i });
      start = i;
      last = script;
    }
    i += code > 0xffff ? 2 : 1;
  }
  if (start >= 0) visit({ source, from: from + start, to });
};
