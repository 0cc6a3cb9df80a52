// Lower case and decomposition of characters that keep their places in the text.

import type { Characters } from './aligned.js';
import { ASCII_ONLY, compareClasses, isStarter, keptWhole } from './unicode.js';

/** Character by character: unlike String.toLowerCase of the whole, a final sigma stays an ordinary one. */
export function lowercase(text: Characters): void {
  text.expand((char) => char.toLowerCase());
}

/** What `lowercase` gives, if every unit keeps its place. The whole of a text differs from its characters in a final sigma alone. */
export function lowerInPlace(text: string): string | null {
  const lower = text.toLowerCase();
  return lower.length === text.length && !text.includes('\u03a3') ? lower : null;
}

export type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Engines take quadratic time to reorder many marks in a row. */
const MANY_MARKS = /\p{M}{32}/u;

/** Whether a text is in a form already; it may also be if this says no. */
export function isIn(form: Form, text: string): boolean {
  return ASCII_ONLY.test(text) || (!MANY_MARKS.test(text) && text.normalize(form) === text);
}

/** Decomposes, recording for each result whether it replaces an old character, is added, or swallows the next ones.
 *  @param recompose what to do with the results and their changes, in place */
export function decomposeInto(
  text: Characters,
  form: 'NFD' | 'NFKD',
  recompose?: (chars: string[], changes: number[]) => void,
): void {
  const next: string[] = [];
  const changes: number[] = [];
  let marks: { char: string; change: number }[] = [];
  const flush = (): void => {
    if (marks.length > 1) sortMarks(marks);
    for (const mark of marks) {
      next.push(mark.char);
      changes.push(mark.change);
    }
    marks = [];
  };
  for (const char of text.list) {
    let change = 0;
    if (char < '\u00a0') {
      if (marks.length > 0) flush();
      next.push(char);
      changes.push(0);
      continue;
    }
    for (const piece of decompose(char, form)) {
      if (isStarter(piece)) {
        if (marks.length > 0) flush();
        next.push(piece);
        changes.push(change);
      } else {
        marks.push({ char: piece, change });
      }
      change = 1;
    }
  }
  flush();
  recompose?.(next, changes);
  text.transform(next, changes);
}

/** Sorts by combining class; marks of one class keep their order. */
function sortMarks(marks: { char: string; change: number }[]): void {
  const distinct = [...new Set(marks.map(({ char }) => char))].sort(compareClasses);
  const order = new Map<string, number>();
  let last = 0;
  distinct.forEach((char, i) => {
    if (i > 0 && compareClasses(distinct[i - 1], char) !== 0) last++;
    order.set(char, last);
  });
  if (last > 0) marks.sort((a, b) => order.get(a.char)! - order.get(b.char)!);
}

const decompositions = { NFD: new Map<string, string>(), NFKD: new Map<string, string>() };
const REMEMBERED_CHARACTERS = 20_000;

function decompose(char: string, form: 'NFD' | 'NFKD'): string {
  const known = decompositions[form];
  let found = known.get(char);
  if (found === undefined) {
    found = keptWhole().test(char) ? char : char.normalize(form);
    if (known.size >= REMEMBERED_CHARACTERS) known.clear();
    known.set(char, found);
  }
  return found;
}
